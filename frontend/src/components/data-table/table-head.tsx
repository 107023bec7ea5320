import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "./columns";
import { directionOf, nextSort } from "./ranges";
import classes from "./data-table.module.css";

interface Props<Row> {
  columns: readonly Column<Row>[];
  sort?: string | undefined;
  onSort?: ((sort: string | undefined) => void) | undefined;
  selectable: boolean;
  /** Whether all, some or none are selected. */
  selected: "all" | "some" | "none";
  onSelectAll?: (() => void) | undefined;
}

function Head<Row>({ columns, sort, onSort, selectable, selected, onSelectAll }: Props<Row>) {
  const { t } = useTranslation();
  return (
    <thead>
      <tr aria-rowindex={1}>
        {selectable ? (
          <th scope="col" className={classes.select} data-pinned={columns[0]?.pinned || undefined}>
            <input
              type="checkbox"
              aria-label={t("table.selectAll")}
              checked={selected === "all"}
              disabled={!onSelectAll}
              ref={(box) => {
                if (box) box.indeterminate = selected === "some";
              }}
              onChange={() => onSelectAll?.()}
            />
          </th>
        ) : null}
        {columns.map((column) => (
          <HeadCell key={column.key} column={column} sort={sort} onSort={onSort} selectable={selectable} />
        ))}
      </tr>
    </thead>
  );
}

type CellProps<Row> = Pick<Props<Row>, "sort" | "onSort" | "selectable"> & { column: Column<Row> };

function HeadCell<Row>({ column, sort, onSort, selectable }: CellProps<Row>) {
  const { t } = useTranslation();
  const direction = directionOf(sort, column.sort);
  const title = (
    <>
      {column.mark}
      <span className={column.untitled ? "visually-hidden" : "cut"}>{column.title}</span>
      {column.unit ? <span className={classes.unit}>{column.unit}</span> : null}
    </>
  );
  const Arrow = direction === "ascending" ? IconArrowUp : IconArrowDown;
  const name = column.sort;
  return (
    <th
      scope="col"
      title={column.hint ?? column.title}
      className={column.numeric ? classes.numeric : undefined}
      data-pinned={column.pinned || undefined}
      data-beside={(column.pinned && selectable) || undefined}
      aria-sort={name && onSort ? (direction ?? "none") : undefined}
    >
      {name && onSort ? (
        <button
          type="button"
          className={classes.sort}
          title={t("table.sortBy", { column: column.title })}
          onClick={() => onSort(nextSort(sort, name, column.downFirst ?? column.numeric ?? false))}
        >
          {title}
          <Arrow size={12} aria-hidden className={classes.arrow} data-on={direction ? true : undefined} />
        </button>
      ) : (
        <span className={classes.title}>{title}</span>
      )}
    </th>
  );
}

export const TableHead = memo(Head) as typeof Head;
