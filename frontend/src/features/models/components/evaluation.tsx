import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { UnitChart } from "@/components/unit-chart";
import { count } from "@/lib/format";
import { figure, nearestThreshold, onPrecisionRecall, onRoc, pointsOf, type Evaluation as Measured, type Threshold } from "../measures";
import { Calibration } from "./calibration";
import { ClassTable } from "./class-table";
import { Confusion } from "./confusion";
import { Regression } from "./regression";
import classes from "./evaluation.module.css";

const CHANCE = [
  { x: 0, y: 0 },
  { x: 1, y: 1 },
];
const COLOR = "var(--series-0)";

interface Props {
  evaluation: Measured;
  /** The second is the positive one. */
  labels: readonly string[] | null;
}

/** How good the version is on data that training did not see. One threshold moves through all the charts. */
export function Evaluation({ evaluation, labels }: Props) {
  const { t } = useTranslation("models");
  const table = evaluation.thresholds ?? [];
  const usual = useMemo(() => nearestThreshold(evaluation.thresholds ?? [], evaluation.threshold ?? 0.5), [evaluation]);
  const [chosen, choose] = useState<number | null>(null);
  const at = table[chosen ?? usual];
  const { roc, precision_recall: curve } = evaluation;
  const known = evaluation.regression || roc || curve || at || evaluation.confusion_matrix || evaluation.calibration?.length || evaluation.classes?.length;
  if (!known && evaluation.auc === undefined && evaluation.accuracy === undefined) return <p className="soft">{t("evaluation.none")}</p>;
  return (
    <section aria-label={t("tab.evaluation")}>
      <Sums evaluation={evaluation} />
      <div className={classes.grid}>
        {at || evaluation.confusion_matrix ? (
          <Confusion at={at} matrix={evaluation.confusion_matrix} labels={labels} table={table} index={chosen ?? usual} usual={usual} onChoose={choose} />
        ) : null}
        {roc ? <RocChart roc={roc} auc={evaluation.auc} at={at} /> : null}
        {curve ? <PrecisionRecallChart curve={curve} average={evaluation.average_precision} at={at} /> : null}
        {evaluation.regression ? <Regression regression={evaluation.regression} /> : null}
        {evaluation.calibration?.length ? <Calibration bins={evaluation.calibration} brier={evaluation.brier} /> : null}
      </div>
      {evaluation.classes?.length ? <ClassTable classes={evaluation.classes} threshold={evaluation.threshold} /> : null}
    </section>
  );
}

function Sums({ evaluation }: { evaluation: Measured }) {
  const { t } = useTranslation("models");
  const sums = (["auc", "average_precision", "accuracy", "log_loss", "brier"] as const).filter((name) => evaluation[name] !== undefined);
  return (
    <dl className={classes.sums}>
      {sums.map((name) => (
        <div key={name}>
          <dt>{t(`evaluation.${name}`)}</dt>
          <dd>{figure(evaluation[name])}</dd>
        </div>
      ))}
      {(["r2", "rmse", "mae", "mean_error"] as const).map((name) =>
        evaluation.regression ? (
          <div key={name}>
            <dt>{t(`evaluation.${name}`)}</dt>
            <dd>{figure(evaluation.regression[name])}</dd>
          </div>
        ) : null,
      )}
      {evaluation.rows === undefined ? null : (
        <div>
          <dt>{t("evaluation.rows")}</dt>
          <dd>{count(evaluation.rows)}</dd>
        </div>
      )}
    </dl>
  );
}

function RocChart({ roc, auc, at }: { roc: NonNullable<Measured["roc"]>; auc: number | undefined; at: Threshold | undefined }) {
  const { t } = useTranslation("models");
  const points = useMemo(() => pointsOf(roc.false_positive_rate, roc.true_positive_rate), [roc]);
  const rows = useMemo(() => points.map(({ x, y }, index) => [roc.thresholds[index] === null ? "∞" : figure(roc.thresholds[index]), figure(x), figure(y)]), [points, roc]);
  const mark = at ? onRoc(at) : null;
  return (
    <UnitChart
      title={t("evaluation.roc")}
      {...(auc === undefined ? {} : { figure: t("evaluation.aucIs", { value: figure(auc) }) })}
      x={t("evaluation.falsePositiveRate")}
      y={t("evaluation.truePositiveRate")}
      lines={[
        { label: "chance", points: CHANCE, color: "var(--soft)", dashed: true },
        { label: "roc", points, color: COLOR, area: true },
      ]}
      mark={mark && at ? { ...mark, label: t("evaluation.atThreshold", { threshold: figure(at.threshold) }) } : null}
      summary={t("evaluation.rocSummary", { points: count(points.length), auc: figure(auc), x: figure(mark?.x), y: figure(mark?.y) })}
      table={{ head: [t("evaluation.threshold"), t("evaluation.falsePositiveRate"), t("evaluation.truePositiveRate")], rows }}
    />
  );
}

function PrecisionRecallChart({ curve, average, at }: { curve: NonNullable<Measured["precision_recall"]>; average: number | undefined; at: Threshold | undefined }) {
  const { t } = useTranslation("models");
  const points = useMemo(() => pointsOf(curve.recall, curve.precision), [curve]);
  const rows = useMemo(() => points.map(({ x, y }, index) => [figure(curve.thresholds[index]), figure(x), figure(y)]), [points, curve]);
  const mark = at ? onPrecisionRecall(at) : null;
  return (
    <UnitChart
      title={t("evaluation.precisionRecall")}
      {...(average === undefined ? {} : { figure: t("evaluation.averageIs", { value: figure(average) }) })}
      x={t("evaluation.recall")}
      y={t("evaluation.precision")}
      lines={[{ label: "precision", points, color: COLOR, area: true }]}
      mark={mark && at ? { ...mark, label: t("evaluation.atThreshold", { threshold: figure(at.threshold) }) } : null}
      summary={t("evaluation.prSummary", { points: count(points.length), average: figure(average), x: figure(mark?.x), y: figure(mark?.y) })}
      table={{ head: [t("evaluation.threshold"), t("evaluation.recall"), t("evaluation.precision")], rows }}
    />
  );
}
