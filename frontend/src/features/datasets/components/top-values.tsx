import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import type { ColumnProfile } from "../api";
import { figure, others } from "../logic/show";
import classes from "./top-values.module.css";

const LEAST_SHARE = 0.005;

interface Props {
  column: ColumnProfile;
  rows: number;
  /** Of those that there are; all of them by default. */
  most?: number;
  /** With counts and shares, and what is left. */
  full?: boolean;
}

/** The most frequent values as bars of their share. */
export function TopValues({ column, rows, most = column.top_values.length, full = false }: Props) {
  const { t } = useTranslation("datasets");
  const top = column.top_values.slice(0, most);
  const greatest = Math.max(1, ...column.top_values.map((each) => each.count));
  // Where no value is frequent, bars of the same length would say that some are.
  const hasBars = greatest > 1 && (full || greatest >= LEAST_SHARE * rows);
  const rest = others(column, rows);
  return (
    <ol className={classes.values} aria-label={t("column.topValues")}>
      {top.map((each, index) => (
        <li key={index} className={classes.value} title={`${String(each.value)}: ${count(each.count)}`}>
          <span className={classes.bar} style={{ width: hasBars ? `${(each.count / greatest) * 100}%` : 0 }} aria-hidden />
          <span className={`${classes.name} cut`}>{each.value === "" ? <em>{t("column.emptyText")}</em> : figure(each.value, column.type)}</span>
          <span className={classes.share}>
            {full ? `${count(each.count)} · ` : ""}
            {greatest > 1 ? percent(rows ? each.count / rows : 0) : ""}
          </span>
        </li>
      ))}
      {full && rest > 0 ? (
        <li className={classes.value}>
          <span className={classes.name}>{t("column.others")}</span>
          <span className={classes.share}>
            {count(rest)} · {percent(rest / rows)}
          </span>
        </li>
      ) : null}
    </ol>
  );
}
