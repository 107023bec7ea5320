/** The arithmetic of tables: orders, pages, places, ranges of a selection. Pure. */

export type Direction = "ascending" | "descending";

/** How a column is sorted by `sort` (`name`, `-name`), or undefined when it is not. */
export function directionOf(sort: string | undefined, name: string | undefined): Direction | undefined {
  if (!sort || !name) return undefined;
  return sort === name ? "ascending" : sort === `-${name}` ? "descending" : undefined;
}

/** The order after a press on a header: the column's first direction, the other one, then none. */
export function nextSort(sort: string | undefined, name: string, downFirst: boolean): string | undefined {
  const turns = downFirst ? [`-${name}`, name] : [name, `-${name}`];
  const at = turns.indexOf(sort ?? "");
  return at < 0 ? turns[0] : turns[at + 1];
}

/** The numbers of the pages that cover rows `first` to `last`, in a table of `total` rows (undefined: not known yet). */
export function pagesOf(first: number, last: number, size: number, total: number | undefined): number[] {
  const end = total === undefined ? last : Math.min(last, Math.max(total - 1, 0));
  const from = Math.floor(Math.max(0, Math.min(first, end)) / size);
  const to = Math.floor(Math.max(0, end) / size);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/**
 * By how many rows the view must move so that what was looked at stays where it is: the median of how far the rows that were
 * visible have moved. One that went elsewhere by its new value does not take the view with it.
 */
export function shiftOf(seen: readonly { key: string; index: number }[], indexOf: (key: string) => number | undefined): number {
  const moves = seen
    .map(({ key, index }) => (indexOf(key) ?? Number.NaN) - index)
    .filter((move) => !Number.isNaN(move))
    .sort((a, b) => a - b);
  return moves[Math.floor(moves.length / 2)] ?? 0;
}

/** The selection after a press on `key`: turned over; with other rows (`between`, Shift was held), all of them are selected. */
export function toggled(selection: ReadonlySet<string>, key: string, between: readonly string[] = []): Set<string> {
  const next = new Set(selection);
  if (!between.length && next.delete(key)) return next;
  for (const each of [...between, key]) next.add(each);
  return next;
}

/** The indices between two, both included. */
export function span(from: number, to: number): number[] {
  const [low, high] = from < to ? [from, to] : [to, from];
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}
