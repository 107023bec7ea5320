import type { TFunction } from "i18next";
import { memo } from "react";
import { pinnedLefts, type Column } from "./columns";
import classes from "./data-table.module.css";

interface Props<Row> {
  row: Row | undefined;
  index: number;
  columns: readonly Column<Row>[];
  selectable: boolean;
  selected: boolean;
  /** Keys reach this row. */
  current: boolean;
  /** For screen readers: `Select credit-risk-12`. */
  name: string;
  t: TFunction;
  /** A fixed height, where rows are virtual. */
  height: number | undefined;
  onToggle: (index: number, range: boolean) => void;
}

function Line<Row>({ row, index, columns, selectable, selected, current, name, t, height, onToggle }: Props<Row>) {
  const pinned = columns[0]?.pinned ?? false;
  const lefts = pinnedLefts(columns, selectable);
  return (
    <tr
      aria-rowindex={index + 2}
      aria-busy={row === undefined || undefined}
      data-index={index}
      data-selected={selected || undefined}
      tabIndex={current ? 0 : -1}
      style={height ? { height } : undefined}
    >
      {selectable ? (
        <td className={classes.select} data-pinned={pinned || undefined}>
          <input
            type="checkbox"
            tabIndex={-1}
            aria-label={t("table.select", { name })}
            checked={selected}
            disabled={row === undefined}
            onChange={() => undefined}
            onClick={(event) => onToggle(index, event.shiftKey)}
          />
        </td>
      ) : null}
      {columns.map((column, place) => (
        <td
          key={column.key}
          className={column.numeric ? classes.numeric : undefined}
          data-pinned={lefts[place] === undefined ? undefined : true}
          style={lefts[place] ? { left: lefts[place] } : undefined}
        >
          {row === undefined ? <span className={classes.coming} /> : column.cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** Drawn again only when its own row, place or selection changes. */
export const TableRow = memo(Line) as typeof Line;
