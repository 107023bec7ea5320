import { useTranslation } from "react-i18next";
import { percent } from "@/lib/format";
import classes from "./null-bar.module.css";

/** How much of a column is there, and how much is missing. */
export function NullBar({ ratio }: { ratio: number }) {
  const { t } = useTranslation("datasets");
  return (
    <div className={classes.row}>
      <div className={classes.bar} aria-hidden>
        <div className={classes.missing} style={{ width: `${Math.max(ratio > 0 ? 1 : 0, ratio * 100)}%` }} />
      </div>
      <span className={classes.word} data-missing={ratio > 0 || undefined}>
        {ratio > 0 ? t("column.missing", { share: percent(ratio) }) : t("column.complete")}
      </span>
    </div>
  );
}
