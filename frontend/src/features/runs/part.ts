import type { XAxis } from "@/live/metric-buffer";

/** A part of curves, as the API takes it. */
export interface Part {
  from_step?: number;
  to_step?: number;
  from_time?: number;
  to_time?: number;
  /** Since each run began. */
  from_second?: number;
  to_second?: number;
}

/** The part that lies between two places of an axis; of one that counts from the start each run has its own. */
export function partOf(kind: XAxis["kind"], low: number, high: number): Part {
  if (kind === "step") return { from_step: Math.floor(low), to_step: Math.ceil(high) };
  return kind === "time" ? { from_time: low, to_time: high } : { from_second: low, to_second: high };
}
