import type { Points, XAxis } from "./metric-buffer";

/** A stretch is as fine as the coarsest of so many equal parts of it. */
const PARTS = 8;

/** Whether there are so many points between two places on the axis, and they are spread. */
export function isFine(points: Points, axis: XAxis, low: number, high: number, wanted: number): boolean {
  if (high <= low) return false;
  const column = axis.kind === "step" ? points.steps : points.times;
  const shift = axis.kind === "relative" ? axis.zero : 0;
  const counts = new Array<number>(PARTS).fill(0);
  for (let at = 0; at < points.length; at += 1) {
    const part = Math.floor(((column[at]! - shift - low) / (high - low)) * PARTS);
    if (part >= 0 && part < PARTS) counts[part]! += 1;
  }
  return Math.min(...counts) * PARTS >= wanted;
}
