/** How a reader has arranged the curves of an experiment. */
export interface Arrangement {
  /** Shown first, in this order. */
  pinned: readonly string[];
  /** Keys as they were put; the others follow by name. */
  order: readonly string[];
  /** Groups that are folded. */
  folded: readonly string[];
}

export const PLAIN: Arrangement = { pinned: [], order: [], folded: [] };
export const PINNED = "pinned";

export interface CurveGroup {
  /** `PINNED`, the prefix of the keys, or "" of those without one. */
  name: string;
  keys: readonly string[];
}

/** What stands before the first `/` of a key: `train` of `train/loss`. */
export const prefixOf = (key: string): string => (key.includes("/") ? key.slice(0, key.indexOf("/")) : "");

/** The keys in groups: the pinned ones, then by prefix, then those without one; in each as the reader has put them. */
export function grouped(keys: readonly string[], { pinned, order }: Arrangement): CurveGroup[] {
  const there = new Set(keys);
  const first = pinned.filter((key) => there.has(key));
  const place = new Map(order.map((key, index) => [key, index]));
  const rest = keys
    .filter((key) => !first.includes(key))
    .sort((a, b) => (place.get(a) ?? Infinity) - (place.get(b) ?? Infinity) || a.localeCompare(b));
  // Those without a prefix are said to be the others: they come last.
  const names = [...new Set(rest.map(prefixOf))].sort((a, b) => Number(!a) - Number(!b) || a.localeCompare(b));
  const groups = names.map((name) => ({ name, keys: rest.filter((key) => prefixOf(key) === name) }));
  return first.length ? [{ name: PINNED, keys: first }, ...groups] : groups;
}

/** With a key moved to the place of another one of its group. */
export function moved(arrangement: Arrangement, group: CurveGroup, key: string, to: number): Arrangement {
  const keys = group.keys.filter((each) => each !== key);
  const place = Math.max(0, Math.min(keys.length, to));
  const now = [...keys.slice(0, place), key, ...keys.slice(place)];
  if (group.name === PINNED) return { ...arrangement, pinned: [...now, ...arrangement.pinned.filter((each) => !now.includes(each))] };
  return { ...arrangement, order: [...arrangement.order.filter((each) => !now.includes(each)), ...now] };
}

export function togglePin(arrangement: Arrangement, key: string): Arrangement {
  const { pinned } = arrangement;
  return { ...arrangement, pinned: pinned.includes(key) ? pinned.filter((each) => each !== key) : [...pinned, key] };
}

export function toggleFold(arrangement: Arrangement, name: string): Arrangement {
  const { folded } = arrangement;
  return { ...arrangement, folded: folded.includes(name) ? folded.filter((each) => each !== name) : [...folded, name] };
}
