import type { TFunction } from "i18next";
import { count, value as figure } from "@/lib/format";
import type { Version } from "../api";
import type { Parameters, Result } from "../quality";

/** What an expectation says in one line: `age: 0 … 120`. The name of the kind stands elsewhere. */
export function said(t: TFunction<"quality">, kind: string, parameters: Parameters, datasetName: (id: string) => string): string {
  const { column, columns, minimum, maximum } = parameters;
  switch (kind) {
    case "between":
    case "row_count": {
      const band = minimum == null ? t("said.most", { most: shown(maximum) }) : maximum == null ? t("said.least", { least: shown(minimum) }) : t("said.band", { least: shown(minimum), most: shown(maximum) });
      return column ? `${column}: ${band}` : band;
    }
    case "in_set":
      return `${column}: ${(parameters.values ?? []).slice(0, 8).map(shown).join(", ")}${(parameters.values?.length ?? 0) > 8 ? ", …" : ""}`;
    case "matches":
      return `${column}: ${parameters.pattern}`;
    case "type":
      return `${column}: ${parameters.type}`;
    case "freshness":
      return t("said.fresh", { what: column ?? t("said.version"), hours: figure(parameters.hours) });
    case "foreign_key":
      return t("said.key", { column, dataset: datasetName(parameters.dataset ?? ""), target: parameters.target, at: parameters.at });
    case "distribution": {
      const limits = [parameters.psi_most == null ? "" : `PSI ≤ ${figure(parameters.psi_most)}`, parameters.ks_most == null ? "" : `KS ≤ ${figure(parameters.ks_most)}`].filter(Boolean);
      const what = columns?.length ? columns.join(", ") : t("said.allColumns");
      return t("said.shift", { what, limits: limits.join(", "), dataset: parameters.dataset ? datasetName(parameters.dataset) : t("said.itself"), at: parameters.at });
    }
    case "custom":
      return parameters.expression ?? "";
    default:
      return columns?.join(", ") ?? column ?? "";
  }
}

/** Of how many rows it is enough, where not of all. */
export const mostly = (parameters: Parameters): string | null => (parameters.mostly === undefined || parameters.mostly >= 1 ? null : `${figure(parameters.mostly * 100, 5)}%`);

const shown = (value: unknown): string => (typeof value === "number" ? count10(value) : typeof value === "string" ? value : JSON.stringify(value));
const count10 = (value: number): string => (Number.isInteger(value) ? count(value) : figure(value, 6));

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const TRUTHS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** What was typed, as values of the column that they are about: a text stays a text in a column of texts. */
export function typed(kind: string, parameters: Readonly<Record<string, unknown>>, columns: readonly { name: string; type: string }[]): Record<string, unknown> {
  const type = kind === "row_count" ? "int64" : columns.find(({ name }) => name === parameters.column)?.type;
  const one = (value: unknown): unknown => {
    if (typeof value !== "string") return value;
    if (type === "string" || type === "date" || type === "timestamp") return value;
    if (type === "bool") return TRUTHS[value.trim().toLowerCase()] ?? value;
    return NUMBER.test(value.trim()) ? Number(value) : value;
  };
  const found: Record<string, unknown> = { ...parameters };
  for (const name of ["minimum", "maximum"]) if (name in found) found[name] = one(found[name]);
  if (Array.isArray(found.values)) found.values = found.values.map(one);
  return found;
}

/** How many results there are of each outcome that a reader tells apart. */
export function tally(results: readonly Result[]): { passed: number; warned: number; blocked: number } {
  const bad = results.filter(isUnfulfilled);
  const blocked = bad.filter(({ severity }) => severity === "block").length;
  return { passed: results.length - bad.length, warned: bad.length - blocked, blocked };
}

const isUnfulfilled = ({ outcome }: Pick<Result, "outcome">): boolean => outcome === "failed" || outcome === "error";

/** What blocks first, then what warns, then the rest; in their order. */
export const worstFirst = (results: readonly Result[]): Result[] => [...results].sort((a, b) => rank(a) - rank(b));
const rank = (result: Result): number => (isUnfulfilled(result) ? (result.severity === "block" ? 0 : 1) : 2);

/** How the outcome of a result looks. */
export const toneOf = (result: Pick<Result, "outcome" | "severity">): "succeeded" | "waiting" | "failed" | "cancelled" =>
  isUnfulfilled(result) ? (result.severity === "block" ? "failed" : "waiting") : result.outcome === "skipped" ? "cancelled" : "succeeded";

/** The state of a version as readers look for it: one that is validating and fails is kept back, not on its way. */
export const shownState = ({ state, state_message: message }: Pick<Version, "state" | "state_message">): string =>
  state === "validating" && message.some(({ code }) => code !== "quality_checked") ? "blocked" : state;
