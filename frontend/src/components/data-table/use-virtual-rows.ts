import { useVirtualizer } from "@tanstack/react-virtual";
import { useCallback, useEffect, useLayoutEffect, useRef, type RefObject } from "react";
import type { RowSource } from "./columns";
import { shiftOf } from "./ranges";

interface Options<Row> {
  source: RowSource<Row>;
  scroller: RefObject<HTMLDivElement | null>;
  rowKey: (row: Row) => string;
  rowHeight: number;
  count: number;
  /** Else all rows are drawn. */
  isVirtual: boolean;
}

export interface DrawnRow<Row> {
  index: number;
  row: Row | undefined;
  key: string;
}

interface VirtualRows<Row> {
  items: DrawnRow<Row>[];
  /** Heights above and below what is drawn: px. */
  top: number;
  bottom: number;
  scrollTo: (index: number) => void;
}

const HEADER = 32;
const OVERSCAN = 12;

/** Which rows are drawn; the view stays at the rows that were looked at when others come before them. */
export function useVirtualRows<Row>({ source, scroller, rowKey, rowHeight, count, isVirtual }: Options<Row>): VirtualRows<Row> {
  // The compiler of React, which this would confuse, is not used.
  // oxlint-disable-next-line react/incompatible-library
  const virtualizer = useVirtualizer({
    count: isVirtual ? count : 0,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: OVERSCAN,
    scrollMargin: HEADER,
    scrollPaddingStart: HEADER,
    initialRect: { width: 1000, height: 700 },
  });
  useEffect(() => virtualizer.measure(), [virtualizer, rowHeight]);
  const drawn = virtualizer.getVirtualItems();
  const [first, last] = isVirtual ? [drawn[0]?.index ?? 0, drawn.at(-1)?.index ?? -1] : [0, count - 1];

  const { onRange } = source;
  useEffect(() => {
    if (last >= first) onRange?.(first, last);
  }, [onRange, first, last]);
  usePlace({ source, scroller, rowKey, rowHeight, isVirtual });

  const items: DrawnRow<Row>[] = [];
  const taken = new Set<string>();
  for (let index = first; index <= last; index += 1) {
    const row = source.rowAt(index);
    // Between two readings of neighbouring pages a row may be in both.
    const own = row === undefined ? undefined : rowKey(row);
    const key = own === undefined || taken.has(own) ? `at ${index}` : own;
    taken.add(key);
    items.push({ index, row, key });
  }
  const scrollTo = useCallback((index: number) => virtualizer.scrollToIndex(index, { align: "auto" }), [virtualizer]);
  const top = isVirtual ? first * rowHeight : 0;
  const bottom = isVirtual ? Math.max(0, (count - 1 - last) * rowHeight) : 0;
  return { items, top, bottom, scrollTo };
}

interface Seen {
  identity: string;
  rows: { key: string; index: number }[];
}

/** Moves the view with the rows that it showed; to the top when other rows were asked for. */
function usePlace<Row>({ source, scroller, rowKey, rowHeight, isVirtual }: Omit<Options<Row>, "count">): void {
  const seen = useRef<Seen | null>(null);
  useLayoutEffect(() => {
    const node = scroller.current;
    if (!node || !isVirtual || source.total === undefined) return;
    const before = seen.current;
    if (before && before.identity !== source.identity) node.scrollTo({ top: 0 });
    // At the very top the reader wants to see what is new.
    else if (before && node.scrollTop >= rowHeight) {
      const shift = shiftOf(before.rows, source.indexOf);
      if (shift) node.scrollTo({ top: node.scrollTop + shift * rowHeight });
    }
    const first = Math.floor(node.scrollTop / rowHeight);
    const last = Math.ceil((node.scrollTop + node.clientHeight - HEADER) / rowHeight);
    const rows: Seen["rows"] = [];
    for (let index = first; index < last; index += 1) {
      const row = source.rowAt(index);
      if (row !== undefined) rows.push({ key: rowKey(row), index });
    }
    seen.current = { identity: source.identity, rows };
  });
}
