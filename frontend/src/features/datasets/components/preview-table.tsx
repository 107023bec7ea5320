import { useTranslation } from "react-i18next";
import type { PreviewTable as Table } from "../preview";
import { CellText } from "./cell-text";
import classes from "./preview.module.css";

const NUMERIC = new Set(["int64", "float64"]);
type Row = Table["rows"][number];
type Column = Table["columns"][number];

/** Some rows after a step: what changed stands out, what it was stands beside it. */
export function PreviewTable({ table, label }: { table: Table; label: string }) {
  const { t } = useTranslation("datasets");
  const left = table.column_count - table.columns.filter(({ change }) => change !== "removed").length;
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={label}>
      <table className={classes.table}>
        <caption className="visually-hidden">{label}</caption>
        <thead>
          <tr>
            <th scope="col" className={classes.ordinal}>
              {t("sample.row")}
            </th>
            {table.columns.map((column) => (
              <Head key={column.name} column={column} />
            ))}
            {left > 0 ? <th scope="col">{t("report.moreColumns", { count: left, n: left })}</th> : null}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row) => (
            <Line key={row.ordinal} row={row} columns={table.columns} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head({ column }: { column: Column }) {
  const { t } = useTranslation("datasets");
  const turned = column.type !== column.type_before;
  return (
    <th scope="col" data-change={column.change} className={NUMERIC.has(column.type) ? classes.number : undefined} title={column.name}>
      <span className={classes.name}>{column.name}</span>
      <span className={classes.type}>
        {turned ? <del>{t(`type.${column.type_before as "string"}`)}</del> : null} <span data-turned={turned || undefined}>{t(`type.${column.type as "string"}`)}</span>
        {column.change === "none" ? null : <em> {t(`preview.column.${column.change}`)}</em>}
      </span>
    </th>
  );
}

function Line({ row, columns }: { row: Row; columns: readonly Column[] }) {
  const { t } = useTranslation("datasets");
  return (
    <tr data-change={row.change}>
      <th scope="row" className={classes.ordinal}>
        {row.ordinal}
        {row.change === "none" ? null : <em className={classes.mark}>{t(`preview.row.${row.change}`)}</em>}
      </th>
      {columns.map((column, at) => {
        const place = String(at);
        const changed = place in row.before;
        return (
          <td key={column.name} data-changed={changed || undefined} data-change={column.change} className={NUMERIC.has(column.type) ? classes.number : undefined}>
            {changed ? (
              <del title={t("preview.was")}>
                <CellText value={row.before[place] ?? null} type={column.type_before} />
              </del>
            ) : null}
            {changed ? " " : null}
            <span>
              <CellText value={row.values[at]} type={column.type} />
            </span>
          </td>
        );
      })}
    </tr>
  );
}
