import type { Why } from "@/api/why";
import type { Resource } from "@/lib/amounts";

/** An amount in the unit of its resource. */
export interface Quantity {
  resource: Resource;
  flavor: string;
  value: number;
}

/** What would have to change before something starts: one thing each, to be said in the reader's words. */
export type Need =
  | { code: "behind" | "cap" | "cap_gpus" | "no_quota" | "quota" | "promised" | "machines" | "kept" }
  | { code: "bound_queue" | "bound_cohort" | "bound_pool"; name: string; lacks: Quantity; held: Quantity; limit: Quantity | null }
  | { code: "borrower"; name: string; amount: Quantity }
  | { code: "free"; flavor: string; devices: number; members: number }
  | { code: "possible"; at: string }
  | { code: "endless" };

const BORROWERS_MOST = 3;

/** All of them, the limit first; nothing where something does not wait, or never starts as things are. */
export function needsOf(why: Why): Need[] {
  const { kind, bound, never } = why;
  if (!kind || never) return [];
  if (kind === "behind") return [{ code: "behind" }];
  const needs: Need[] = [];
  const of = (value: number): Quantity => ({ resource: bound?.resource ?? "gpus", flavor: bound?.flavor ?? "", value });
  const lacks = bound ? Math.max(bound.needed - bound.left, 0) : 0;
  if (kind === "quota" && bound && lacks > 0) {
    needs.push({ code: `bound_${bound.kind}`, name: bound.name, lacks: of(lacks), held: of(bound.held), limit: bound.limit === null ? null : of(bound.limit) });
  } else {
    needs.push({ code: kind });
  }
  let open = lacks || Number.POSITIVE_INFINITY;
  for (const { name, amount } of why.borrowers.slice(0, BORROWERS_MOST)) {
    if (open <= 0) break;
    needs.push({ code: "borrower", name, amount: of(Math.min(open, amount)) });
    open -= amount;
  }
  if (kind === "machines" || kind === "kept") needs.push(...why.free.map((free) => ({ code: "free" as const, ...free })));
  if (kind !== "no_quota") needs.push(why.possible_at ? { code: "possible", at: why.possible_at } : { code: "endless" });
  return needs;
}

/** Where a band stands on an axis, in % of it; `start` is where it most likely starts. */
export interface Placed {
  low: number;
  high: number;
  start: number;
}

/** Times in ms. What lies beyond an end of the axis is drawn at it. */
export function placed(band: { low_at: string; start_at: string; high_at: string }, from: number, to: number): Placed {
  const at = (time: string): number => (to > from ? Math.min(Math.max((Date.parse(time) - from) / (to - from), 0), 1) * 100 : 0);
  return { low: at(band.low_at), high: at(band.high_at), start: at(band.start_at) };
}
