import { count, locale, NONE, percent, value } from "@/lib/format";
import type { ColumnProfile, Scalar } from "../api";

/** How long a text may be where a value stands in a sentence or a narrow cell. */
const LONG = 40;

/** A cell as it is in the data: figures unrounded, times readable. Null stays null, so that the page can mark it. */
export function cell(found: Scalar | undefined, type: string): string | null {
  if (found === null || found === undefined) return null;
  if (typeof found === "number") return String(found);
  if (typeof found === "string" && type === "timestamp") return found.replace("T", " ").replace(/(\.\d+)?(Z|\+00:00)$/, "");
  return String(found);
}

/** A value in statistics: figures with so many digits. */
export function figure(found: Scalar | undefined, type: string, digits = 5): string {
  if (typeof found === "number") return exact(found, digits);
  const text = cell(found, type);
  return text === null ? NONE : text.length > LONG ? `${text.slice(0, LONG - 1)}…` : text;
}

/** A number with so many digits; a whole one in full, unless it is too long to read. */
export const exact = (found: number, digits = 5): string => (Number.isInteger(found) && Math.abs(found) < 1e12 ? count(found) : value(found, digits));

const DAY = 86_400;

/** How an edge of a histogram reads: of dates and times edges are seconds since 1970. */
export function edgeFormat(type: string, edges: readonly number[]): (edge: number) => string {
  if (type !== "date" && type !== "timestamp") return (edge) => (Math.abs(edge) < 1e7 ? exact(edge, 4) : value(edge, 4));
  const isShort = type === "timestamp" && (edges.at(-1) ?? 0) - (edges[0] ?? 0) < 3 * DAY;
  const format = new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeZone: "UTC", ...(isShort ? { timeStyle: "short" } : {}) });
  return (edge) => (Number.isFinite(edge) ? format.format(new Date(edge * 1_000)) : NONE);
}

/** A part of a whole in percent; of very few it says that there are some. */
export function share(part: number, whole: number): string {
  const ratio = whole ? part / whole : 0;
  return ratio > 0 && ratio < 0.0005 ? `< ${percent(0.001)}` : percent(ratio);
}

/** Values that are not among the most frequent. */
export const others = (column: ColumnProfile, rows: number): number =>
  Math.max(0, rows - column.null_count - column.top_values.reduce((sum, each) => sum + each.count, 0));

/** Whether a column's card shows bars or its most frequent values. */
export const hasBars = (column: ColumnProfile): boolean => column.histogram !== null && column.histogram.counts.length > 0;

const QUANTILES = ["0.01", "0.05", "0.25", "0.5", "0.75", "0.95", "0.99"];

/** Those that are there, from low to high. */
export const quantilesOf = (column: ColumnProfile): [string, number][] =>
  QUANTILES.flatMap((name) => (column.quantiles?.[name] === undefined ? [] : [[name, column.quantiles[name]] as [string, number]]));

const SPLITS = ["train", "validation", "test"];
const placeOfSplit = (name: string): number => (SPLITS.includes(name) ? SPLITS.indexOf(name) : SPLITS.length);

/** Parts in the order that people think of them; others come last. */
export const splitsOf = (splits: Readonly<Record<string, number>>): [string, number][] =>
  Object.entries(splits).sort(([a], [b]) => placeOfSplit(a) - placeOfSplit(b));

/** What a step was told, in words: lists and mappings without the marks of JSON. */
export function told(found: unknown, empty: string): string {
  if (found === "") return empty;
  if (Array.isArray(found)) return found.map((each) => told(each, empty)).join(" · ");
  if (typeof found === "object" && found !== null) {
    return Object.entries(found)
      .map(([name, each]) => `${name} → ${told(each, empty)}`)
      .join(" · ");
  }
  return typeof found === "string" ? found : JSON.stringify(found);
}

/** The line that a refusal names: `line 12` in the API's sentence. */
export function placeOf(detail: string): { line: string; column: string | null } | null {
  const line = /\bline (\d+)/i.exec(detail)?.[1];
  if (line === undefined) return null;
  return { line, column: /\bcolumn '([^']+)'/.exec(detail)?.[1] ?? null };
}
