import { useQueries, useQueryClient, type QueryKey, type UseQueryResult } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useFallbackInterval } from "@/live/use-live";
import type { RowSource } from "./columns";
import { pagesOf } from "./ranges";

/** One answer of the API: the rows from `offset` on, and how many there are in all. */
export interface RangePage<Row> {
  total: number;
  rows: Row[];
}

interface Options<Row> {
  /** Of the question without its window. Pages are kept at `[...queryKey, page]`: invalidate `queryKey` to read again what is looked at. */
  queryKey: QueryKey;
  load: (window: { offset: number; limit: number }, signal: AbortSignal) => Promise<RangePage<Row>>;
  /** A stable function. */
  rowKey: (row: Row) => string;
  pageSize?: number;
}

export interface RangeRows<Row> extends RowSource<Row> {
  /** The rows are those of the question before, until the first answer to this one. */
  isStale: boolean;
  error: unknown;
  refetch: () => void;
  /** The rows around what is looked at, by key. */
  loaded: ReadonlyMap<string, Row>;
}

interface Found<Row> {
  identity: string;
  /** Undefined while no page of the question is there. */
  total: number | undefined;
  pages: Record<number, Row[]>;
  error: unknown;
}

/** Who flies over thousands of rows asks for no more windows than one in so many ms; those that were left are given up. */
const PAUSE = 100;

function together<Row>(results: UseQueryResult<RangePage<Row>>[], identity: string, numbers: readonly number[]): Found<Row> {
  const pages: Record<number, Row[]> = {};
  let newest = -1;
  let total: number | undefined;
  results.forEach((result, place) => {
    const number = numbers[place];
    if (!result.data || number === undefined) return;
    pages[number] = result.data.rows;
    if (result.dataUpdatedAt <= newest) return;
    newest = result.dataUpdatedAt;
    total = result.data.total;
  });
  return { identity, total, pages, error: results.find((result) => result.error)?.error ?? null };
}

/** Rows of a table that is larger than anybody fetches: the pages around what is looked at, as one scrolls. */
export function useRangeRows<Row>({ queryKey, load, rowKey, pageSize = 100 }: Options<Row>): RangeRows<Row> {
  const client = useQueryClient();
  const identity = JSON.stringify(queryKey);
  const [view, setView] = useState({ identity, first: 0, last: pageSize - 1 });
  const [before, setBefore] = useState<Found<Row>>();
  const [first, last] = view.identity === identity ? [view.first, view.last] : [0, pageSize - 1];
  const known = before?.identity === identity ? before.total : undefined;
  // What comes next is there before it is looked at.
  const ahead = Math.floor(pageSize / 2);
  const numbers = useMemo(
    () => pagesOf(first - (first ? ahead : 0), last + (first ? ahead : 0), pageSize, known),
    [first, last, ahead, pageSize, known],
  );
  const refetchInterval = useFallbackInterval(10_000);
  const combine = useCallback((results: UseQueryResult<RangePage<Row>>[]) => together(results, identity, numbers), [identity, numbers]);
  const found = useQueries({
    queries: numbers.map((number) => ({
      queryKey: [...queryKey, number],
      queryFn: ({ signal }: { signal: AbortSignal }) => load({ offset: number * pageSize, limit: pageSize }, signal),
      refetchInterval,
    })),
    combine,
  });
  if (found.total !== undefined && found !== before) setBefore(found);
  const shown = found.total !== undefined || !before || (found.error && before.identity !== identity) ? found : before;

  const waiting = useRef<{ timer: ReturnType<typeof setTimeout>; next: () => void } | null>(null);
  useEffect(() => () => clearTimeout(waiting.current?.timer), []);
  const onRange = useCallback(
    (from: number, to: number) => {
      const next = (): void => setView({ identity, first: from, last: to });
      if (waiting.current) {
        waiting.current.next = next;
        return;
      }
      const timer = setTimeout(() => {
        const last = waiting.current?.next;
        waiting.current = null;
        last?.();
      }, PAUSE);
      waiting.current = { timer, next };
    },
    [identity],
  );
  return useMemo(() => {
    const places = new Map<string, number>();
    const loaded = new Map<string, Row>();
    for (const [number, rows] of Object.entries(shown.pages)) {
      rows.forEach((row, index) => {
        places.set(rowKey(row), Number(number) * pageSize + index);
        loaded.set(rowKey(row), row);
      });
    }
    const key = JSON.parse(shown.identity) as QueryKey;
    // A page that was seen before is shown as it was until it is read again.
    const pageAt = (number: number): Row[] | undefined =>
      shown.pages[number] ?? client.getQueryData<RangePage<Row>>([...key, number])?.rows;
    return {
      identity: shown.identity,
      total: shown.total,
      rowAt: (index) => pageAt(Math.floor(index / pageSize))?.[index % pageSize],
      indexOf: (wanted) => places.get(wanted),
      loaded,
      onRange,
      isStale: shown.identity !== identity,
      error: shown.total === undefined ? shown.error : null,
      refetch: () => void client.refetchQueries({ queryKey: key, type: "active" }),
    };
  }, [shown, identity, pageSize, rowKey, onRange, client]);
}
