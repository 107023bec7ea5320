import type { ReactNode } from "react";

/** A column of a `DataTable`. Keep the list of them in a `useMemo`: rows are drawn again when it changes. */
export interface Column<Row> {
  /** Unique in the table. */
  key: string;
  title: string;
  /** Before the title: a swatch, an icon. */
  mark?: ReactNode;
  /** Of its numbers; stands in the header, so that cells hold figures alone. */
  unit?: string | undefined;
  /** What the title leaves open, on hover. */
  hint?: string | undefined;
  cell: (row: Row) => ReactNode;
  /** Right-aligned, with tabular figures. */
  numeric?: boolean | undefined;
  /** In px; of a column that grows, the least. 120 by default. */
  width?: number | undefined;
  /** Takes its share of the width that is left. */
  grow?: boolean | undefined;
  /** Its name in `sort`; without one nothing can be sorted by it. */
  sort?: string | undefined;
  /** The first press sorts downward, as people want of figures and times. By default what `numeric` says. */
  downFirst?: boolean | undefined;
  /** Stays at the left when the table is scrolled sideways. Only the first columns may; of several, none may grow. */
  pinned?: boolean | undefined;
  /** May be dragged to another place. */
  movable?: boolean | undefined;
  /** The header is for screen readers only (icons, actions). */
  untitled?: boolean | undefined;
}

/** Where the rows come from: a list, or a window into more than anybody fetches (`useRangeRows`). */
export interface RowSource<Row> {
  /** How many there are; undefined until that is known. */
  total: number | undefined;
  /** The row, or undefined while it is fetched. */
  rowAt: (index: number) => Row | undefined;
  /** Where a row is now, as far as it is known. */
  indexOf: (key: string) => number | undefined;
  /** These are looked at. */
  onRange?: ((first: number, last: number) => void) | undefined;
  /** Changes when other rows are asked for (filter, order): then the table begins at its top again. */
  identity: string;
}

export const WIDTH = 120;
export const SELECT_WIDTH = 36;

export const widthOf = <Row>(column: Column<Row>): number => column.width ?? WIDTH;

/** The least width of all columns together. */
export function leastWidth<Row>(columns: readonly Column<Row>[], selectable: boolean): number {
  return columns.reduce((sum, column) => sum + widthOf(column), selectable ? SELECT_WIDTH : 0);
}

/** Where pinned columns stay: px from the left, by column; undefined: it scrolls. */
export function pinnedLefts<Row>(columns: readonly Column<Row>[], selectable: boolean): (number | undefined)[] {
  let left = selectable ? SELECT_WIDTH : 0;
  let isPinned = true;
  return columns.map((column) => {
    isPinned &&= column.pinned ?? false;
    if (!isPinned) return undefined;
    const found = left;
    left += widthOf(column);
    return found;
  });
}

export const WIDTH_LEAST = 56;
export const WIDTH_MOST = 800;
export const boundedWidth = (width: number): number => Math.round(Math.min(WIDTH_MOST, Math.max(WIDTH_LEAST, width)));

/** What readers may do to columns. */
export interface ColumnChanges {
  /** This column is so wide from now on: px. */
  onWidth?: ((key: string, width: number) => void) | undefined;
  /** This column goes to the place of that one. */
  onMove?: ((key: string, to: string) => void) | undefined;
}
