import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import classes from "./null-bar.module.css";

/** How much of a column is there, and how much is missing. */
export function NullBar({ missing, rows }: { missing: number; rows: number }) {
  const { t } = useTranslation("datasets");
  const ratio = rows ? missing / rows : 0;
  // Very few are counted: `0%` would say that there are none.
  const share = ratio < 0.0005 ? count(missing) : percent(ratio);
  return (
    <div className={classes.row}>
      <div className={classes.bar} aria-hidden>
        <div className={classes.missing} style={{ width: `${Math.max(ratio > 0 ? 1 : 0, ratio * 100)}%` }} />
      </div>
      <span className={classes.word} data-missing={ratio > 0 || undefined}>
        {ratio > 0 ? t("column.missing", { share }) : t("column.complete")}
      </span>
    </div>
  );
}
