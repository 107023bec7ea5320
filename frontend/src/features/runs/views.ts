/** Named views of the table of runs: what is filtered, shown and sorted. Kept per user in this browser; shared by address. Pure but for the store. */

/** The part of the address that a view is. */
export interface ViewSearch {
  search?: string | undefined;
  state?: string[] | undefined;
  where?: string[] | undefined;
  columns?: string[] | undefined;
  sort?: string | undefined;
  experiment?: string | undefined;
}

export interface View {
  name: string;
  search: ViewSearch;
}

const PARTS = ["search", "state", "where", "columns", "sort", "experiment"] as const;
const VIEWS_MOST = 50;
const keyOf = (user: string): string => `bedplate-run-views-${user}`;

/** Only what a view keeps, without what is not set. */
export function viewSearch(search: Readonly<Record<string, unknown>>): ViewSearch {
  return Object.fromEntries(PARTS.filter((part) => search[part] !== undefined).map((part) => [part, search[part]]));
}

/** Whether two addresses show the same. */
export const sameView = (a: ViewSearch, b: ViewSearch): boolean => JSON.stringify(viewSearch({ ...a })) === JSON.stringify(viewSearch({ ...b }));

/** With the view, in the place of one with the same name, else at the end. */
export function withView(views: readonly View[], view: View): View[] {
  const known = views.some(({ name }) => name === view.name);
  const next = known ? views.map((each) => (each.name === view.name ? view : each)) : [...views, view];
  return next.slice(-VIEWS_MOST);
}

export const withoutView = (views: readonly View[], name: string): View[] => views.filter((each) => each.name !== name);

const isText = (value: unknown): value is string => typeof value === "string";
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every(isText);

function isView(value: unknown): value is View {
  if (typeof value !== "object" || value === null) return false;
  const { name, search } = value as Partial<View>;
  if (!isText(name) || !name || typeof search !== "object" || search === null) return false;
  return Object.entries(search).every(([part, held]) =>
    ["state", "where", "columns"].includes(part) ? isTexts(held) : (PARTS as readonly string[]).includes(part) && isText(held),
  );
}

/** What somebody kept in this browser; what is not understood is left out. */
export function readViews(user: string, store: Pick<Storage, "getItem"> = localStorage): View[] {
  try {
    const found: unknown = JSON.parse(store.getItem(keyOf(user)) ?? "[]");
    return Array.isArray(found) ? found.filter(isView) : [];
  } catch {
    return [];
  }
}

/** Whether it could be kept: a browser may have no room, or not allow it. */
export function writeViews(user: string, views: readonly View[], store: Pick<Storage, "setItem"> = localStorage): boolean {
  try {
    store.setItem(keyOf(user), JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}
