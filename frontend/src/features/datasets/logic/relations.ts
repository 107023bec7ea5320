import type { ProfileTable } from "../api";

type Relations = ProfileTable["relations"];
export type What = "values" | "ranks";
export type Measure = "pearson" | "spearman" | "correlation_ratio" | "cramers_v";

export interface Pair {
  one: string;
  other: string;
  measure: Measure;
  value: number;
}

/** Which measure stands in a field of the matrix. */
export function measureOf(relations: Relations, one: number, other: number, what: What): Measure {
  const categories = [one, other].filter((place) => relations.columns[place]?.kind === "category").length;
  if (categories === 0) return what === "ranks" ? "spearman" : "pearson";
  return categories === 1 ? "correlation_ratio" : "cramers_v";
}

/** What a field shows; by rank, fields of categories show what they show otherwise. */
export const valueAt = (relations: Relations, one: number, other: number, what: What): number | null =>
  (what === "ranks" ? relations.ranks[one]?.[other] : null) ?? relations.values[one]?.[other] ?? null;

/** Every two columns of which something is told, the strongest first. */
export function pairsOf(relations: Relations, what: What): Pair[] {
  const found: Pair[] = [];
  relations.columns.forEach((column, one) => {
    for (let other = 0; other < one; other += 1) {
      const value = valueAt(relations, one, other, what);
      const name = relations.columns[other]?.name;
      if (value !== null && name !== undefined) found.push({ one: name, other: column.name, measure: measureOf(relations, one, other, what), value });
    }
  });
  return found.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
}

/** Columns that hang together stand together: each next to the one that it is nearest to, begun with the first. */
export function orderOf(relations: Relations): number[] {
  const size = relations.columns.length;
  const strength = (one: number, other: number): number => Math.abs(relations.values[one]?.[other] ?? 0);
  const left = new Set(Array.from({ length: size }, (_, index) => index));
  const order: number[] = [];
  let last = 0;
  while (left.size) {
    left.delete(last);
    order.push(last);
    last = [...left].reduce((best, each) => (strength(last, each) > strength(last, best) ? each : best), [...left][0] ?? 0);
  }
  return order;
}
