/** What a view of the table of runs is: the part of the address that it keeps. Pure. */

export interface ViewSearch {
  search?: string | undefined;
  state?: string[] | undefined;
  where?: string[] | undefined;
  /** Conditions as one text. */
  filter?: string | undefined;
  columns?: string[] | undefined;
  /** `180:params.lr` */
  widths?: string[] | undefined;
  /** How many columns stay at the left. */
  pinned?: string | undefined;
  sort?: string | undefined;
  experiment?: string | undefined;
  /** `1`: those that were deleted. */
  deleted?: string | undefined;
}

/** The same as it is kept: what is not set is not there. */
export type ViewDocument = { [Part in keyof ViewSearch]?: Exclude<ViewSearch[Part], undefined> };

const PARTS = ["search", "state", "where", "filter", "columns", "widths", "pinned", "sort", "experiment", "deleted"] as const;
/** In the place of the id of a view: none, not even the one that is shown first. */
export const NO_VIEW = "none";

/** Only what a view keeps, without what is not set. */
export function viewSearch(search: Readonly<Record<string, unknown>>): ViewDocument {
  return Object.fromEntries(PARTS.filter((part) => search[part] !== undefined).map((part) => [part, search[part]]));
}

/** Whether two addresses show the same. */
export const sameView = (a: ViewSearch, b: ViewSearch): boolean => JSON.stringify(viewSearch({ ...a })) === JSON.stringify(viewSearch({ ...b }));

/** Whether an address says nothing of its own, so that the view that is shown first may take its place. */
export const isPlain = (search: Readonly<Record<string, unknown>>): boolean => search.view === undefined && !Object.keys(viewSearch(search)).length;

/** Widths as the address has them, by column. */
export function widthsOf(texts: readonly string[] | undefined): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const text of texts ?? []) {
    const [, width, key] = /^(\d{2,4}):(.+)$/.exec(text) ?? [];
    if (width && key) found.set(key, Number(width));
  }
  return found;
}

export const widthTexts = (widths: ReadonlyMap<string, number>): string[] => [...widths].map(([key, width]) => `${width}:${key}`);

/** The columns with this one in the place of that one. */
export function movedTo(columns: readonly string[], key: string, to: string): string[] {
  const target = columns.indexOf(to);
  if (target < 0 || !columns.includes(key)) return [...columns];
  const rest = columns.filter((each) => each !== key);
  return [...rest.slice(0, target), key, ...rest.slice(target)];
}
