import type { ColumnDrift, Drift } from "../api";

const LEVELS = ["large", "small", "none"] as const;

/** Columns with the farthest first: by level, then by what shifted most, values or missing ones. */
export function farthest(columns: readonly ColumnDrift[]): ColumnDrift[] {
  return [...columns].sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level) || indexOf(b) - indexOf(a));
}

/** The greater of both indices. */
export const indexOf = (column: ColumnDrift): number => Math.max(column.psi ?? 0, column.missing.psi ?? 0);

/** How far along a meter an index lies whose end is twice what counts as large. */
export const along = (index: number, method: Drift["method"]): number => Math.min(1, index / (2 * method.psi_large));

/** Shares of a side, of all that it has. */
export function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, each) => sum + each, 0);
  return counts.map((each) => (total ? each / total : 0));
}

/** The outline of bars as a path: up and down at each edge, over `width` by `height` pixels. */
export function outline(heights: readonly number[], most: number, width: number, height: number): string {
  const step = width / Math.max(1, heights.length);
  const y = (share: number): string => (height - (most > 0 ? share / most : 0) * height).toFixed(2);
  return `M0 ${height} ${heights.map((share, index) => `V${y(share)} H${((index + 1) * step).toFixed(2)}`).join(" ")} V${height}`;
}
