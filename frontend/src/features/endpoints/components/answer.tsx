import { useTranslation } from "react-i18next";
import { value } from "@/lib/format";
import type { Tried } from "../api";
import styles from "./endpoints.module.css";

/** The number, or the label and how sure the model is, on a scale between the classes. */
export function Answer({ prediction, classes }: { prediction: Tried["predictions"][number]; classes: readonly string[] | null }) {
  const { t } = useTranslation("endpoints");
  const { score, label, value: number } = prediction;
  if (score === undefined) return <p className={styles.score}>{number === undefined ? label : value(number, 6)}</p>;
  const [negative, positive] = classes?.length === 2 ? classes : [t("try.negative"), t("try.positive")];
  return (
    <>
      <p className={styles.score}>{label}</p>
      <div className={styles.scale} role="img" aria-label={t("try.scoreIs", { score: value(score, 3), label: positive })}>
        <span style={{ width: `${Math.min(1, Math.max(0, score)) * 100}%` }} />
      </div>
      <div className={styles.ends}>
        <span>{negative}</span>
        <span>{positive}</span>
      </div>
      <dl className={styles.pairs}>
        <div>
          <dt>{t("try.score", { label: positive })}</dt>
          <dd>{value(score, 4)}</dd>
        </div>
      </dl>
    </>
  );
}
