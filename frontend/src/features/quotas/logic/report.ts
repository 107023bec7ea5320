import type { ReportLine } from "../api";

/** Figures of a report by which its rows can be put in order, the largest first. */
export const FIGURES = ["gpu_hours_requested", "gpu_hours_used", "core_hours_requested", "cost"] as const;
export type Figure = (typeof FIGURES)[number];

/** In the order of the columns, as the API has them, or by a figure. */
export function sortedLines(rows: readonly ReportLine[], by: Figure | undefined): ReportLine[] {
  return by ? [...rows].sort((a, b) => Number(b[by]) - Number(a[by])) : [...rows];
}

/** All rows together. */
export const totalOf = (rows: readonly ReportLine[], figure: Figure | "gpu_hours_unpriced"): number => rows.reduce((sum, row) => sum + Number(row[figure]), 0);
