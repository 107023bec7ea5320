/** What runs have in common and in what they differ. Pure. */

export interface ComparedRun {
  id: string;
  parameters: Readonly<Record<string, unknown>>;
  /** Numbers that JSON has no word for are text; where there is none it is null. */
  summary: Readonly<Record<string, { last: Told; min: Told; max: Told }>>;
}

export type Told = number | "NaN" | "Infinity" | "-Infinity" | null;
const numberOf = (told: Told | undefined): number | undefined => (told === undefined || told === null ? undefined : Number(told));

export interface ComparedRow {
  key: string;
  /** By run; undefined where it has none. */
  values: readonly unknown[];
  differs: boolean;
  /** Places of the best value, where one is better than another. */
  best: ReadonlySet<number>;
}

const NONE: ReadonlySet<number> = new Set();
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** Nested objects as `model.hidden`, so that one leaf that differs does not hide in the whole. */
export function flattened(parameters: Readonly<Record<string, unknown>>, prefix = ""): Map<string, unknown> {
  const found = new Map<string, unknown>();
  for (const [name, value] of Object.entries(parameters)) {
    if (isObject(value) && Object.keys(value).length) for (const [inner, held] of flattened(value, `${prefix}${name}.`)) found.set(inner, held);
    else found.set(`${prefix}${name}`, value);
  }
  return found;
}

/** Equal as JSON, whatever the order of names. */
const canonical = (value: unknown): string =>
  value === undefined
    ? ""
    : JSON.stringify(value, (_, held: unknown) => (isObject(held) ? Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1))) : held));

const namesOf = (maps: readonly ReadonlyMap<string, unknown>[]): string[] => [...new Set(maps.flatMap((map) => [...map.keys()]))].sort();

/** A row for each parameter that any of the runs has. */
export function parameterRows(runs: readonly ComparedRun[]): ComparedRow[] {
  const all = runs.map(({ parameters }) => flattened(parameters));
  return namesOf(all).map((key) => {
    const values = all.map((map) => map.get(key));
    return { key, values, differs: new Set(values.map(canonical)).size > 1, best: NONE };
  });
}

export type MetricPart = "last" | "best";
/** Which way metrics are better, as far as it is known. */
export type Modes = ReadonlyMap<string, "min" | "max">;

/** Their last value, or the best one; undefined where there is none. */
export function metricValue(run: ComparedRun, key: string, part: MetricPart, modes: Modes): number | undefined {
  const entry = run.summary[key];
  const mode = modes.get(key);
  return numberOf(part === "best" && mode ? entry?.[mode] : entry?.last);
}

/** A row for each metric that any of the runs has. */
export function metricRows(runs: readonly ComparedRun[], part: MetricPart, modes: Modes): ComparedRow[] {
  const keys = [...new Set(runs.flatMap(({ summary }) => Object.keys(summary)))].sort();
  return keys.map((key) => {
    const values = runs.map((run) => metricValue(run, key, part, modes));
    return { key, values, differs: new Set(values).size > 1, best: bestPlaces(values, modes.get(key)) };
  });
}

/** Places of the best of these values; none where one is as good as another, or nobody knows which way is better. */
export function bestPlaces(values: readonly (number | undefined)[], mode: "min" | "max" | undefined): ReadonlySet<number> {
  const known = values.filter((value) => value !== undefined).filter((value) => !Number.isNaN(value));
  if (!mode || new Set(known).size < 2) return NONE;
  const top = mode === "max" ? Math.max(...known) : Math.min(...known);
  return new Set(values.flatMap((value, place) => (value === top ? [place] : [])));
}

/** Rows of plain facts: by key what each run has; what none has is left out. */
export function factRows(facts: readonly Readonly<Record<string, unknown>>[]): ComparedRow[] {
  const keys = [...new Set(facts.flatMap((each) => Object.keys(each)))];
  return keys.flatMap((key) => {
    const values = facts.map((each) => (each[key] === "" || each[key] === null ? undefined : each[key]));
    if (values.every((each) => each === undefined)) return [];
    return [{ key, values, differs: new Set(values.map(canonical)).size > 1, best: NONE }];
  });
}

/** The metrics of all runs, most common first. */
export function commonKeys(runs: readonly ComparedRun[]): string[] {
  const found = new Map<string, number>();
  for (const { summary } of runs) for (const key of Object.keys(summary)) found.set(key, (found.get(key) ?? 0) + 1);
  return [...found].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([key]) => key);
}

export interface Axis {
  low: number;
  high: number;
  ticks: { at: number; label: string }[];
  /** Where a value stands, or undefined when it has no place here. */
  place: (value: unknown) => number | undefined;
}

/** An axis of these values: numbers in proportion, anything else in steps, each value once. */
export function axisOf(values: readonly unknown[], words: (value: unknown) => string, wanted = 5): Axis | undefined {
  const known = values.filter((value) => value !== undefined && value !== null);
  if (!known.length) return undefined;
  const numbers = known.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  if (numbers.length === known.length) return numberAxis(numbers, words, wanted);
  const kinds = [...new Set(known.map(canonical))].sort();
  const place = (value: unknown): number | undefined => {
    const at = value === undefined || value === null ? -1 : kinds.indexOf(canonical(value));
    return at < 0 ? undefined : at;
  };
  const ticks = kinds.map((kind, at) => ({ at, label: words(JSON.parse(kind)) }));
  return { low: -0.5, high: kinds.length - 0.5, ticks, place };
}

function numberAxis(numbers: readonly number[], words: (value: unknown) => string, wanted: number): Axis {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  const spread = most - least || Math.abs(most) || 1;
  const [low, high] = [least - spread * 0.06, most + spread * 0.06];
  const step = roundStep((high - low) / wanted);
  const ticks: Axis["ticks"] = [];
  for (let n = Math.ceil(low / step); n * step <= high; n += 1) {
    const at = Number((n * step).toPrecision(12));
    ticks.push({ at, label: words(at) });
  }
  return { low, high, ticks, place: (value) => (typeof value === "number" && Number.isFinite(value) ? value : undefined) };
}

/** 1, 2 or 5 times a power of ten, not less than this. */
function roundStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  return (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10) * power;
}
