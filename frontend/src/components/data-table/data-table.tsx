import { Button } from "@mantine/core";
import { useCallback, useMemo, useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { ErrorFace } from "../faces";
import { leastWidth, widthOf, SELECT_WIDTH, type Column, type ColumnChanges, type RowSource } from "./columns";
import { TableHead } from "./table-head";
import { TableRow } from "./table-row";
import { useFillHeight } from "./use-fill-height";
import { useTableKeys } from "./use-table-keys";
import { useVirtualRows } from "./use-virtual-rows";
import classes from "./data-table.module.css";

interface Props<Row> extends ColumnChanges {
  /** For screen readers: what is listed. */
  label: string;
  columns: readonly Column<Row>[];
  /** All rows, undefined while they are fetched; or `source`, where there are more than anybody fetches. */
  rows?: readonly Row[] | undefined;
  source?: (RowSource<Row> & { isStale?: boolean }) | undefined;
  /** A stable function. */
  rowKey: (row: Row) => string;
  /** What a row is called, for screen readers. A stable function. */
  rowName?: ((row: Row) => string) | undefined;
  /** `name` or `-name`, from the address. The API sorts, or the page does: the table only says so. */
  sort?: string | undefined;
  onSort?: ((sort: string | undefined) => void) | undefined;
  selection?: ReadonlySet<string> | undefined;
  onSelect?: ((keys: Set<string>) => void) | undefined;
  /** Enter on a row. */
  onOpen?: ((row: Row) => void) | undefined;
  /** At most so high, with virtual rows; `fill`: down to the bottom of the window. Without it the table is as long as its rows. */
  height?: number | "fill" | undefined;
  /** Left free below a table that fills: px. */
  below?: number | undefined;
  rowHeight?: number | undefined;
  /** Rows of the skeleton while nothing is known. */
  coming?: number | undefined;
  error?: unknown;
  onRetry?: (() => void) | undefined;
  /** Instead of a table without any row: an `EmptyState`. */
  empty?: ReactNode;
  /** Some filter is set: no rows means that nothing matches. */
  filtered?: boolean | undefined;
  onClearFilters?: (() => void) | undefined;
  /** Where the place in the list is kept while the reader goes elsewhere and comes back. */
  name?: string | undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

/** Every list of the dashboard: sticky header, orders, selection by mouse and keys, virtual rows, all its faces. */
export function DataTable<Row>(props: Props<Row>) {
  const { rows, rowKey, error, empty, filtered = false } = props;
  const source = useStatic(rows, rowKey, props.sort, props.source);
  if (error && source.total === undefined) return <ErrorFace error={error} onRetry={props.onRetry} />;
  if (source.total === 0 && !filtered && empty !== undefined) return <>{empty}</>;
  return <Table {...props} source={source} />;
}

/** A list as a source. */
function useStatic<Row>(
  rows: readonly Row[] | undefined,
  rowKey: (row: Row) => string,
  sort: string | undefined,
  source: Props<Row>["source"],
): RowSource<Row> & { isStale?: boolean } {
  return useMemo(() => {
    if (source) return source;
    const places: { known?: Map<string, number> } = {};
    const indexOf = (key: string): number | undefined => {
      places.known ??= new Map(rows?.map((row, index) => [rowKey(row), index]));
      return places.known.get(key);
    };
    return { total: rows?.length, rowAt: (index) => rows?.[index], indexOf, identity: sort ?? "" };
  }, [rows, rowKey, sort, source]);
}

type TableProps<Row> = Props<Row> & { source: RowSource<Row> & { isStale?: boolean } };

function Table<Row>(props: TableProps<Row>) {
  const { t } = useTranslation();
  const { source, rowKey, rowName, selection = NOTHING, onSelect, height, rowHeight = 34, coming = 8 } = props;
  const { columns, onDragWidth } = useDragged(props.columns);
  const scroller = useRef<HTMLDivElement>(null);
  const filled = useFillHeight(scroller, height === "fill", props.below ?? 24);
  const isVirtual = height !== undefined;
  const count = source.total ?? coming;
  const { items, top, bottom, scrollTo } = useVirtualRows({ source, scroller, rowKey, rowHeight, count, isVirtual });
  const keys = useTableKeys({ ...props, selection, count, scroller, scrollTo, items });
  const selectable = onSelect !== undefined;
  // One more than there are would be a column of its own, and share what is left of the width.
  const span = columns.length + (selectable ? 1 : 0);
  const most = height === "fill" ? filled : height;
  return (
    <div className={classes.frame}>
      <div
        ref={scroller}
        className={classes.scroller}
        data-stale={source.isStale || undefined}
        data-scroll-restoration-id={props.name}
        style={most === undefined ? undefined : { maxHeight: most }}
      >
        <table
          className={classes.table}
          aria-label={props.label}
          aria-rowcount={source.total === undefined ? -1 : source.total + 1}
          aria-busy={source.total === undefined || undefined}
          style={{ minWidth: leastWidth(columns, selectable) }}
        >
          <Widths columns={columns} selectable={selectable} />
          <TableHead
            columns={columns}
            sort={props.sort}
            onSort={props.onSort}
            selectable={selectable}
            selected={selection.size === 0 ? "none" : selection.size >= count ? "all" : "some"}
            onSelectAll={keys.onSelectAll}
            onWidth={props.onWidth}
            onMove={props.onMove}
            onDragWidth={onDragWidth}
          />
          <tbody onKeyDown={keys.onKeyDown} onFocus={keys.onFocus} onBlur={keys.onBlur}>
            <Space height={top} span={span} />
            {items.map(({ index, row, key }) => (
              <TableRow
                key={key}
                row={row}
                index={index}
                columns={columns}
                selectable={selectable}
                selected={row !== undefined && selection.has(rowKey(row))}
                current={index === keys.current}
                name={row !== undefined && rowName ? rowName(row) : String(index + 1)}
                t={t}
                height={isVirtual ? rowHeight : undefined}
                onToggle={keys.onToggle}
              />
            ))}
            <Space height={bottom} span={span} />
          </tbody>
        </table>
        {source.total === 0 ? <NoMatch onClear={props.onClearFilters} /> : null}
      </div>
    </div>
  );
}

/** The columns, one of them as wide as it is being dragged. */
function useDragged<Row>(columns: readonly Column<Row>[]) {
  const [dragged, setDragged] = useState<{ key: string; width: number }>();
  const onDragWidth = useCallback((key: string, width: number | undefined) => setDragged(width === undefined ? undefined : { key, width }), []);
  const shown = useMemo(
    () => (dragged ? columns.map((column) => (column.key === dragged.key ? { ...column, width: dragged.width, grow: false } : column)) : columns),
    [columns, dragged],
  );
  return { columns: shown, onDragWidth };
}

function Widths<Row>({ columns, selectable }: { columns: readonly Column<Row>[]; selectable: boolean }) {
  return (
    <colgroup>
      {selectable ? <col style={{ width: SELECT_WIDTH }} /> : null}
      {columns.map((column) => (
        <col key={column.key} style={column.grow ? undefined : { width: widthOf(column) }} />
      ))}
    </colgroup>
  );
}

/** In place of the rows that are not drawn. */
function Space({ height, span }: { height: number; span: number }) {
  if (height <= 0) return null;
  return (
    <tr aria-hidden="true">
      <td className={classes.space} colSpan={span} style={{ height }} />
    </tr>
  );
}

function NoMatch({ onClear }: { onClear?: (() => void) | undefined }) {
  const { t } = useTranslation();
  return (
    <div className={classes.message} role="status">
      {t("face.filteredEmpty")}
      {onClear ? (
        <Button variant="default" onClick={onClear}>
          {t("verb.clearFilters")}
        </Button>
      ) : null}
    </div>
  );
}
