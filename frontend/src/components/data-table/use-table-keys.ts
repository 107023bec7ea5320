import { useCallback, useEffect, useRef, useState, type FocusEvent, type KeyboardEvent, type RefObject } from "react";
import type { RowSource } from "./columns";
import { span, toggled } from "./ranges";
import type { DrawnRow } from "./use-virtual-rows";

interface Options<Row> {
  source: RowSource<Row>;
  rows?: readonly Row[] | undefined;
  rowKey: (row: Row) => string;
  selection: ReadonlySet<string>;
  onSelect?: ((keys: Set<string>) => void) | undefined;
  onOpen?: ((row: Row) => void) | undefined;
  count: number;
  scroller: RefObject<HTMLDivElement | null>;
  scrollTo: (index: number) => void;
  items: readonly DrawnRow<Row>[];
}

interface TableKeys {
  /** The row that Tab reaches. */
  current: number;
  onKeyDown: (event: KeyboardEvent<HTMLElement>) => void;
  onFocus: (event: FocusEvent<HTMLElement>) => void;
  onBlur: (event: FocusEvent<HTMLElement>) => void;
  onToggle: (index: number, range: boolean) => void;
  onSelectAll: (() => void) | undefined;
}

const PAGE = 12;
const placeOf = (target: EventTarget): number => {
  const index = (target as HTMLElement).closest<HTMLElement>("tr[data-index]")?.dataset.index;
  return index === undefined ? -1 : Number(index);
};

/** Where a key leads from a row, or undefined when it leads nowhere. */
function destination(key: string, at: number, count: number): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + PAGE,
    PageUp: at - PAGE,
    Home: 0,
    End: count - 1,
  };
  const to = steps[key];
  return to === undefined ? undefined : Math.max(0, Math.min(count - 1, to));
}

/** Arrows move between rows, Space selects, with Shift as far as one goes, Enter opens. One row is a stop of Tab. */
export function useTableKeys<Row>(options: Options<Row>): TableKeys {
  const { source, rows, rowKey, selection, onSelect, onOpen, count, scroller, scrollTo, items } = options;
  const [chosen, setChosen] = useState(0);
  const pressed = useRef<number | null>(null);
  const awaited = useRef<number | null>(null);
  const isDrawn = items.some(({ index }) => index === chosen);
  const current = isDrawn ? chosen : (items[0]?.index ?? 0);

  const within = useRef(false);
  useEffect(() => {
    // The row may be drawn only after the view has moved, and anew when what it shows arrives: then the focus is nobody's.
    const lost = within.current && document.activeElement === document.body;
    const wanted = awaited.current ?? (lost ? current : null);
    if (wanted === null) return;
    const row = scroller.current?.querySelector<HTMLElement>(`tr[data-index="${wanted}"]`);
    if (!row) return;
    awaited.current = null;
    row.focus({ preventScroll: true });
  });

  const latest = useRef({ source, rows, rowKey, selection, onSelect });
  useEffect(() => {
    latest.current = { source, rows, rowKey, selection, onSelect };
  });
  const onToggle = useCallback((index: number, range: boolean) => {
    const { source: from, rowKey: keyOf, selection: now, onSelect: tell } = latest.current;
    const keyAt = (place: number): string | undefined => {
      const row = from.rowAt(place);
      return row === undefined ? undefined : keyOf(row);
    };
    const key = keyAt(index);
    if (key === undefined || !tell) return;
    const between = range && pressed.current !== null ? span(pressed.current, index).map(keyAt) : [];
    pressed.current = index;
    tell(toggled(now, key, between.filter((each) => each !== undefined)));
  }, []);

  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const at = placeOf(event.target);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const isRow = (event.target as HTMLElement).tagName === "TR";
    const to = destination(event.key, at, count);
    if (to !== undefined) {
      event.preventDefault();
      if (event.shiftKey && onSelect) {
        pressed.current ??= at;
        onToggle(to, true);
      }
      setChosen(to);
      awaited.current = to;
      scrollTo(to);
    } else if (event.key === " " && isRow && onSelect) {
      event.preventDefault();
      onToggle(at, event.shiftKey);
    } else if (event.key === "Enter" && isRow && onOpen) {
      const row = source.rowAt(at);
      if (row !== undefined) onOpen(row);
    }
  };
  const onFocus = (event: FocusEvent<HTMLElement>): void => {
    const at = placeOf(event.target);
    within.current = true;
    if (at >= 0) setChosen(at);
  };
  const onBlur = (event: FocusEvent<HTMLElement>): void => {
    // A row that is taken away takes the focus with it; that is not the reader's doing.
    within.current = !event.target.isConnected;
  };
  const onSelectAll = useCallback(() => {
    const { rows: all, rowKey: keyOf, selection: now, onSelect: tell } = latest.current;
    tell?.(now.size ? new Set() : new Set(all?.map(keyOf)));
  }, []);
  return { current, onKeyDown, onFocus, onBlur, onToggle, onSelectAll: onSelect && (rows || selection.size) ? onSelectAll : undefined };
}
