import { useTranslation } from "react-i18next";
import { UnitChart, type Point } from "@/components/unit-chart";
import { count } from "@/lib/format";
import { figure, type Evaluation } from "../measures";
import classes from "./evaluation.module.css";

const PERFECT = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
];

/** Whether a score of 0.7 is right in seven of ten: what was predicted beside what came true, with how many rows say so. */
export function Calibration({ bins, brier }: { bins: NonNullable<Evaluation["calibration"]>; brier: number | undefined }) {
  const { t } = useTranslation("models");
  const points = bins.flatMap(({ mean_predicted: x, fraction_positive: y }): Point[] => (x === null || y === null ? [] : [{ x, y }]));
  const most = Math.max(1, ...bins.map((bin) => bin.count));
  const rangeOf = (bin: { lower: number; upper: number }): string => `${figure(bin.lower)} – ${figure(bin.upper)}`;
  return (
    <UnitChart
      title={t("evaluation.calibration")}
      {...(brier === undefined ? {} : { figure: t("evaluation.brierIs", { value: figure(brier) }) })}
      x={t("evaluation.meanPredicted")}
      y={t("evaluation.cameTrue")}
      lines={[
        { label: "perfect", points: PERFECT, color: "var(--soft)", dashed: true },
        { label: "calibration", points, color: "var(--series-2)", dots: true },
      ]}
      summary={t("evaluation.calibrationSummary", { bins: count(points.length) })}
      table={{
        head: [t("evaluation.score"), t("evaluation.meanPredicted"), t("evaluation.cameTrue"), t("evaluation.rows")],
        rows: bins.map((bin) => [rangeOf(bin), figure(bin.mean_predicted), figure(bin.fraction_positive), count(bin.count)]),
      }}
      below={
        <>
          <div className={classes.bars} aria-hidden>
            {bins.map((bin) => (
              <span key={bin.lower} style={{ height: `${(bin.count / most) * 100}%` }} title={`${rangeOf(bin)}: ${count(bin.count)}`} />
            ))}
          </div>
          <p className={classes.note}>{t("evaluation.rowsPerBin", { most: count(most) })}</p>
        </>
      }
    />
  );
}
