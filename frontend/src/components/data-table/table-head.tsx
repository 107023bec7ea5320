import { IconArrowDown, IconArrowUp } from "@tabler/icons-react";
import { memo, useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import { pinnedLefts, type Column, type ColumnChanges } from "./columns";
import { ColumnEdge } from "./column-edge";
import { directionOf, nextSort } from "./ranges";
import classes from "./data-table.module.css";

interface Props<Row> extends ColumnChanges {
  columns: readonly Column<Row>[];
  sort?: string | undefined;
  onSort?: ((sort: string | undefined) => void) | undefined;
  selectable: boolean;
  /** Whether all, some or none are selected. */
  selected: "all" | "some" | "none";
  onSelectAll?: (() => void) | undefined;
  /** While the edge of a column is dragged; undefined at its end. */
  onDragWidth?: ((key: string, width: number | undefined) => void) | undefined;
}

function Head<Row>({ columns, sort, onSort, selectable, selected, onSelectAll, onWidth, onMove, onDragWidth }: Props<Row>) {
  const { t } = useTranslation();
  const [dragged, setDragged] = useState<string | null>(null);
  const lefts = pinnedLefts(columns, selectable);
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
        {columns.map((column, place) => (
          <HeadCell key={column.key} {...{ column, sort, onSort, onWidth, onMove, onDragWidth, dragged, setDragged }} left={lefts[place]} />
        ))}
      </tr>
    </thead>
  );
}

interface CellProps<Row> extends Pick<Props<Row>, "sort" | "onSort" | "onWidth" | "onMove" | "onDragWidth"> {
  column: Column<Row>;
  /** Of a pinned one: px. */
  left: number | undefined;
  dragged: string | null;
  setDragged: (key: string | null) => void;
}

function HeadCell<Row>({ column, sort, onSort, onWidth, onMove, onDragWidth, left, dragged, setDragged }: CellProps<Row>) {
  const { t } = useTranslation();
  const [isOver, setOver] = useState(false);
  const takes = onMove !== undefined && column.movable === true && dragged !== null && dragged !== column.key;
  const moving =
    onMove && column.movable
      ? {
          draggable: true,
          onDragStart: (event: DragEvent): void => {
            event.dataTransfer.effectAllowed = "move";
            setDragged(column.key);
          },
          onDragEnd: (): void => setDragged(null),
          onDragOver: (event: DragEvent): void => {
            if (!takes) return;
            event.preventDefault();
            setOver(true);
          },
          onDragLeave: (): void => setOver(false),
          onDrop: (): void => {
            setOver(false);
            if (takes) onMove(dragged, column.key);
          },
        }
      : {};
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
      data-pinned={left === undefined ? undefined : true}
      data-dragged={dragged === column.key || undefined}
      data-over={(isOver && takes) || undefined}
      style={left === undefined ? undefined : { left }}
      aria-sort={name && onSort ? (direction ?? "none") : undefined}
      {...moving}
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
      {onWidth && onDragWidth ? <ColumnEdge name={column.title} columnKey={column.key} onWidth={onWidth} onDragWidth={onDragWidth} /> : null}
    </th>
  );
}

export const TableHead = memo(Head) as typeof Head;
