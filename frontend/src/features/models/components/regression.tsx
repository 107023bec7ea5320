import { useTranslation } from "react-i18next";
import { Histogram } from "@/components/histogram";
import { count } from "@/lib/format";
import { figure, type Evaluation } from "../measures";
import classes from "./evaluation.module.css";

const WIDTH = 300;
const HEIGHT = 230;
const PAD = 8;

/** How a predicted number and the actual one go together, and how the errors spread. */
export function Regression({ regression }: { regression: NonNullable<Evaluation["regression"]> }) {
  return (
    <>
      <Predictions actual={regression.actual} predicted={regression.predicted} />
      <Residuals residuals={regression.residuals} />
    </>
  );
}

function Predictions({ actual, predicted }: { actual: readonly number[]; predicted: readonly number[] }) {
  const { t } = useTranslation("models");
  const all = [...actual, ...predicted];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const across = (value: number): number => PAD + ((value - low) / (high - low || 1)) * (WIDTH - 2 * PAD);
  const down = (value: number): number => HEIGHT - PAD - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * PAD);
  const said = {
    rows: count(actual.length),
    from: figure(Math.min(...actual)),
    to: figure(Math.max(...actual)),
    low: figure(Math.min(...predicted)),
    high: figure(Math.max(...predicted)),
  };
  return (
    <section className={classes.card} aria-label={t("evaluation.predictions")}>
      <h2>{t("evaluation.predictions")}</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={t("evaluation.predictionsSummary", said)} width="100%">
        <line x1={across(low)} y1={down(low)} x2={across(high)} y2={down(high)} stroke="var(--soft)" strokeDasharray="4 3" />
        {actual.map((value, index) => (
          <circle key={index} cx={across(value)} cy={down(predicted[index] ?? NaN)} r={2.5} fill="var(--series-0)" fillOpacity={0.6}>
            <title>{`${t("evaluation.actual")} ${figure(value)}, ${t("evaluation.predicted")} ${figure(predicted[index])}`}</title>
          </circle>
        ))}
      </svg>
      <p className={classes.note}>
        {`→ ${t("evaluation.actual")} ${said.from} – ${said.to} · ↑ ${t("evaluation.predicted")} ${said.low} – ${said.high}`}
      </p>
    </section>
  );
}

function Residuals({ residuals: { counts, edges } }: { residuals: NonNullable<Evaluation["regression"]>["residuals"] }) {
  const { t } = useTranslation("models");
  const most = counts.indexOf(Math.max(...counts));
  return (
    <section className={classes.card} aria-label={t("evaluation.residuals")}>
      <h2>{t("evaluation.residuals")}</h2>
      <Histogram
        counts={counts}
        edges={edges}
        format={figure}
        height={120}
        withAxis
        label={t("evaluation.residualsLabel", { from: figure(edges[most]), to: figure(edges[most + 1]) })}
      />
      <p className={classes.note}>{t("evaluation.residualsNote")}</p>
    </section>
  );
}
