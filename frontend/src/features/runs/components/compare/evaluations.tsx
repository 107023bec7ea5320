import { Title } from "@mantine/core";
import { useMemo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { UnitChart, type Line } from "@/components/unit-chart";
import { count, percent, value } from "@/lib/format";
import type { Compared, Evaluation } from "../../api-compare";
import { bestPlaces } from "../../compare";
import bar from "../compare.module.css";
import classes from "./evaluations.module.css";

interface Props {
  compared: readonly Compared[];
  colors: ReadonlyMap<string, string>;
}

interface Shown {
  id: string;
  name: string;
  color: string;
  evaluation: Evaluation;
}

const DIAGONAL = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
];
const SUMS = ["auc", "average_precision", "accuracy", "log_loss", "brier"] as const;
const LESS: ReadonlySet<string> = new Set(["log_loss", "brier"]);
const points = (x: readonly number[], y: readonly number[]) => x.slice(0, y.length).map((at, index) => ({ x: at, y: y[index]! }));

/** How good each run is on data that its training did not see: sums, curves over each other, confusion matrices side by side. */
export function CompareEvaluations({ compared, colors }: Props) {
  const { t } = useTranslation("runs");
  const shown = useMemo(
    () => compared.flatMap(({ run, evaluation }): Shown[] => (evaluation ? [{ id: run.id, name: run.name, color: colors.get(run.id) ?? "", evaluation }] : [])),
    [compared, colors],
  );
  if (!shown.length) return <p className="soft">{t("evaluations.none")}</p>;
  const without = compared.length - shown.length;
  return (
    <>
      {without ? <p className="soft">{t("evaluations.without", { count: without, n: count(without) })}</p> : null}
      <Sums shown={shown} />
      <div className={classes.charts}>
        <Overlaid
          shown={shown}
          title={t("evaluations.roc")}
          x={t("evaluations.falsePositives")}
          y={t("evaluations.truePositives")}
          diagonal
          lineOf={({ roc }) => (roc ? points(roc.false_positive_rate, roc.true_positive_rate) : [])}
        />
        <Overlaid
          shown={shown}
          title={t("evaluations.precisionRecall")}
          x={t("evaluations.recall")}
          y={t("evaluations.precision")}
          lineOf={({ precision_recall: curve }) => (curve ? points(curve.recall, curve.precision) : [])}
        />
        <Overlaid
          shown={shown}
          title={t("evaluations.calibration")}
          x={t("evaluations.predicted")}
          y={t("evaluations.cameTrue")}
          diagonal
          dots
          lineOf={({ calibration }) =>
            (calibration ?? []).flatMap(({ mean_predicted: x, fraction_positive: y }) => (x === null || y === null ? [] : [{ x, y }]))
          }
        />
      </div>
      {shown.some(({ evaluation }) => evaluation.confusion_matrix) ? (
        <>
          <Title order={2} mb="sm">{t("evaluations.confusion")}</Title>
          <div className={classes.matrices}>
            {shown.map((each) => (
              <Matrix key={each.id} of={each} />
            ))}
          </div>
        </>
      ) : null}
    </>
  );
}

function Sums({ shown }: { shown: readonly Shown[] }) {
  const { t } = useTranslation("runs");
  const names = SUMS.filter((name) => shown.some(({ evaluation }) => evaluation[name] !== undefined));
  if (!names.length) return null;
  const best = new Map(names.map((name) => [name, bestPlaces(shown.map(({ evaluation }) => evaluation[name]), LESS.has(name) ? "min" : "max")]));
  return (
    <div className={`surface ${classes.sums}`} tabIndex={0} role="region" aria-label={t("evaluations.sums")}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("column.name")}</th>
            {names.map((name) => (
              <th key={name} scope="col" className="num">
                {t(`evaluations.${name}`)}
              </th>
            ))}
            <th scope="col" className="num">{t("evaluations.rows")}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map(({ id, name, color, evaluation }, place) => (
            <tr key={id}>
              <th scope="row">
                <span className={bar.swatch} style={{ background: color }} aria-hidden /> {name}
              </th>
              {names.map((each) => (
                <td key={each} className={`num ${best.get(each)?.has(place) ? classes.best : ""}`}>
                  {value(evaluation[each])}
                  {best.get(each)?.has(place) ? <span className="visually-hidden"> {t("compare.bestHere")}</span> : null}
                </td>
              ))}
              <td className="num">{count(evaluation.rows)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface OverlaidProps {
  shown: readonly Shown[];
  title: string;
  x: string;
  y: string;
  diagonal?: boolean;
  dots?: boolean;
  lineOf: (evaluation: Evaluation) => { x: number; y: number }[];
}

function Overlaid({ shown, title, x, y, diagonal = false, dots = false, lineOf }: OverlaidProps) {
  const { t } = useTranslation("runs");
  const drawn = shown.map((each) => ({ ...each, points: lineOf(each.evaluation) })).filter((each) => each.points.length);
  if (!drawn.length) return null;
  const lines: Line[] = drawn.map(({ id, color, points: of }) => ({ label: id, points: of, color, dots }));
  if (diagonal) lines.unshift({ label: "diagonal", points: DIAGONAL, color: "var(--soft)", dashed: true });
  return (
    <UnitChart
      title={title}
      x={x}
      y={y}
      lines={lines}
      summary={t("evaluations.summary", { title, names: drawn.map(({ name }) => name).join(", ") })}
      table={{ head: [t("column.name"), x, y], rows: drawn.flatMap(({ name, points: of }) => of.map((point) => [name, value(point.x), value(point.y)])) }}
    />
  );
}

function Matrix({ of: { name, color, evaluation } }: { of: Shown }) {
  const { t } = useTranslation("runs");
  const cells = evaluation.confusion_matrix;
  if (!cells?.length) return null;
  const labels = cells.map((_, place) => evaluation.classes?.[place]?.label ?? String(place));
  return (
    <section className={`surface ${classes.matrix}`} aria-label={t("evaluations.confusionOf", { name })}>
      <h3>
        <span className={bar.swatch} style={{ background: color }} aria-hidden /> {name}
      </h3>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("evaluations.trueAndPredicted")}</th>
            {labels.map((label, place) => (
              <th key={place} scope="col">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, truth) => {
            const all = row.reduce((sum, each) => sum + each, 0);
            return (
              <tr key={truth}>
                <th scope="row">{labels[truth]}</th>
                {row.map((found, predicted) => (
                  <td key={predicted} data-right={truth === predicted || undefined} style={{ "--share": all ? found / all : 0 } as CSSProperties}>
                    <strong>{count(found)}</strong>
                    {percent(all ? found / all : null)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
