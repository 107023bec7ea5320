import { Button, Slider } from "@mantine/core";
import type { CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import { figure, part, type Threshold } from "../measures";
import classes from "./evaluation.module.css";

interface Props {
  at: Threshold | undefined;
  /** Rows true, columns predicted; shown where there is no table of thresholds. */
  matrix: readonly (readonly number[])[] | undefined;
  labels: readonly string[] | null;
  table: readonly Threshold[];
  index: number;
  /** Place of the threshold that the evaluation was made with. */
  usual: number;
  onChoose: (index: number | null) => void;
}

/** What was right and wrong, by class; of two classes as a threshold would have it. */
export function Confusion({ at, matrix, labels, table, index, usual, onChoose }: Props) {
  const { t } = useTranslation("models");
  const cells = at ? [[at.true_negatives, at.false_positives], [at.false_negatives, at.true_positives]] : (matrix ?? []);
  const all = cells.flat().reduce((sum, each) => sum + each, 0);
  const nameOf = (place: number): string => labels?.[place] ?? (cells.length === 2 ? t(place ? "evaluation.positive" : "evaluation.negative") : String(place));
  return (
    <section className={classes.card} aria-label={t("evaluation.confusion")}>
      <h2>{t("evaluation.confusion")}</h2>
      <table className={classes.matrix}>
        <thead>
          <tr>
            <th scope="col">{t("evaluation.trueAndPredicted")}</th>
            {cells.map((_, place) => (
              <th key={place} scope="col">
                {t("evaluation.predictedAs", { label: nameOf(place) })}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {cells.map((row, truth) => {
            const ofClass = row.reduce((sum, each) => sum + each, 0);
            return (
              <tr key={truth}>
                <th scope="row">{t("evaluation.trulyIs", { label: nameOf(truth) })}</th>
                {row.map((found, predicted) => (
                  <td key={predicted} className={truth === predicted ? classes.right : classes.wrong} style={{ "--share": ofClass ? found / ofClass : 0 } as CSSProperties}>
                    <strong>{count(found)}</strong>
                    {part(found, ofClass)}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {at ? (
        <>
          <div className={classes.sliderHead}>
            <span>{t("evaluation.thresholdIs", { threshold: figure(at.threshold) })}</span>
            {index === usual ? null : (
              <Button size="compact-xs" variant="subtle" onClick={() => onChoose(null)}>
                {t("evaluation.backTo", { threshold: figure(table[usual]?.threshold) })}
              </Button>
            )}
          </div>
          <div className={classes.slider}>
            <Slider
              min={0}
              max={table.length - 1}
              step={1}
              value={index}
              onChange={onChoose}
              label={null}
              size="sm"
              thumbLabel={t("evaluation.threshold")}
              thumbProps={{ "aria-valuetext": figure(at.threshold) }}
              marks={[{ value: usual }]}
            />
          </div>
          <dl className={classes.measures}>
            {(["precision", "recall", "f1", "accuracy"] as const).map((name) => (
              <div key={name}>
                <dt>{t(`evaluation.${name}`)}</dt>
                <dd>{figure(at[name])}</dd>
              </div>
            ))}
          </dl>
          <p className={classes.note}>{t("evaluation.calledPositive", { share: percent(all ? (at.true_positives + at.false_positives) / all : null), label: nameOf(1) })}</p>
        </>
      ) : null}
    </section>
  );
}
