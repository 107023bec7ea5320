import { axisOf, flattened, metricValue, type Axis, type ComparedRun, type Modes } from "./compare";

/** Parallel coordinates: an axis for each parameter or metric, a line for each run. Pure. */

export interface ParallelAxis {
  /** `params.lr`, `metrics.val_auc`. */
  field: string;
  title: string;
  axis: Axis;
}

/** The part of an axis that lines must pass, from low to high. */
export type Brush = readonly [number, number];
export type Brushes = ReadonlyMap<string, Brush>;

/** What a run has of a parameter or metric: of a metric the best value, where it has a place on an axis. */
export function heldBy(run: ComparedRun, field: string, modes: Modes): unknown {
  if (field.startsWith("params.")) return numeric(flattened(run.parameters).get(field.slice(7)));
  const value = metricValue(run, field.slice(8), "best", modes);
  return Number.isFinite(value) ? value : undefined;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Parameters of tracked runs are text: what reads as a number stands among numbers. */
const numeric = (held: unknown): unknown => (typeof held === "string" && NUMBER.test(held) ? Number(held) : held);

export const titleOf = (field: string): string => field.replace(/^(?:params|metrics)\./, "");

/** The axes that there can be of these fields: one without any value has none. */
export function axesOf(runs: readonly ComparedRun[], fields: readonly string[], modes: Modes, words: (value: unknown) => string): ParallelAxis[] {
  return fields.flatMap((field) => {
    const axis = axisOf(runs.map((run) => heldBy(run, field, modes)), words, 6);
    return axis ? [{ field, title: titleOf(field), axis }] : [];
  });
}

/** 0 (low) to 1 (high), or undefined where the value has no place. */
export function shareOf(axis: Axis, value: unknown): number | undefined {
  const place = axis.place(value);
  return place === undefined ? undefined : (place - axis.low) / (axis.high - axis.low);
}

/** Whether a run passes every brush; one without a value passes none of its axis. */
export function passes(run: ComparedRun, axes: readonly ParallelAxis[], brushes: Brushes, modes: Modes): boolean {
  return axes.every(({ field, axis }) => {
    const brush = brushes.get(field);
    if (!brush) return true;
    const place = axis.place(heldBy(run, field, modes));
    return place !== undefined && place >= brush[0] && place <= brush[1];
  });
}

/** With this one so many places further. */
export function movedBy(order: readonly string[], field: string, by: number): string[] {
  const from = order.indexOf(field);
  const to = Math.max(0, Math.min(order.length - 1, from + by));
  if (from < 0 || from === to) return [...order];
  const rest = order.filter((each) => each !== field);
  return [...rest.slice(0, to), field, ...rest.slice(to)];
}

/** Brushes as the address has them: `0.1:0.5:params.lr`. */
export const brushTexts = (brushes: Brushes): string[] => [...brushes].map(([field, [low, high]]) => `${low}:${high}:${field}`);

export function brushesOf(texts: readonly string[] | undefined): Brushes {
  const found = new Map<string, Brush>();
  for (const text of texts ?? []) {
    const [, low, high, field] = /^([^:]+):([^:]+):(.+)$/.exec(text) ?? [];
    const part = [Number(low), Number(high)] as const;
    if (field && part.every(Number.isFinite)) found.set(field, part[0] <= part[1] ? part : [part[1], part[0]]);
  }
  return found;
}

/** A colour between two of the theme, for a share of 0 to 1. */
export const mixed = (share: number): string => `color-mix(in oklch, var(--series-1) ${Math.round(share * 100)}%, var(--series-0))`;
