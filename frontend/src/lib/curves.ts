/** Numbers of a curve, as a canvas wants them. All of it works in arrays that the caller keeps: nothing is made per frame. */

/** One line of a chart. `x` ascends; what is not finite in `y` is a gap. */
export interface Curve {
  id: string;
  label: string;
  /** A CSS variable (`var(--series-0)`) or a colour. */
  color: string;
  x: Float64Array;
  y: Float64Array;
  /** The first so many of `x` and `y` count. */
  length: number;
  /** Filled down to the lower end, lightly. */
  area?: boolean;
  /** As `CanvasRenderingContext2D.setLineDash`. */
  dash?: readonly number[];
  /** Steps instead of straight lines: a value holds until the next one. */
  stepped?: boolean;
  /** What it stands out with, beside its own id: the run of which it is a part. */
  group?: string;
  /** The ends of a band about it, as many as `y`. */
  low?: Float64Array;
  high?: Float64Array;
  /** At most so many values are not finite; without it nobody has counted. */
  odd?: number;
}

/** Where curves come from that change without React: a chart asks for them when it draws. */
export interface CurveSource {
  /** `changed` is called when there is something new to draw; returns what ends it. */
  subscribe(changed: () => void): () => void;
  curves(): readonly Curve[];
}

export interface CurveLook {
  id: string;
  label: string;
  color: string;
  area?: boolean;
  dash?: readonly number[];
  stepped?: boolean;
  group?: string;
}

/** A curve of plain lists; null is a gap. Points are put in order of `x`. */
export function curveOf(look: CurveLook, x: readonly number[], y: readonly (number | null)[]): Curve {
  const length = Math.min(x.length, y.length);
  const xs = Float64Array.from({ length }, (_, index) => x[index] ?? NaN);
  const ys = Float64Array.from({ length }, (_, index) => y[index] ?? NaN);
  if (!ascends(xs, length)) sortTogether(xs, [ys], length);
  return { ...look, x: xs, y: ys, length };
}

export function ascends(x: Float64Array, length: number): boolean {
  for (let at = 1; at < length; at += 1) if (x[at]! < x[at - 1]!) return false;
  return true;
}

/** Puts `x`, and `others` with it, in ascending order of `x`; equal ones keep theirs. */
export function sortTogether(x: Float64Array, others: readonly Float64Array[], length: number): void {
  const order = Array.from({ length }, (_, index) => index).sort((a, b) => x[a]! - x[b]! || a - b);
  for (const column of [x, ...others]) column.set(order.map((index) => column[index]!));
}

/** Position of the first `x` that is at least `value`; `length` if none is. */
export function firstFrom(x: Float64Array, length: number, value: number): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (x[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Position of the point that is nearest to `value`; -1 without any. */
export function nearest(x: Float64Array, length: number, value: number): number {
  if (!length) return -1;
  const at = firstFrom(x, length, value);
  if (at === 0) return 0;
  if (at === length) return length - 1;
  return value - x[at - 1]! <= x[at]! - value ? at - 1 : at;
}

/** Room that `thinInto` needs for so many columns. */
export const roomFor = (columns: number): number => 4 * columns + 8;

/**
 * Points `from … to` (exclusive) of a curve, at most two for each column of pixels, into `outX` and `outY`; returns how many.
 *
 * The least and the greatest of each column are kept in their order, so no spike is lost; a gap stays where a column begins or
 * ends with it, or has nothing else.
 */
export function thinInto(
  x: Float64Array,
  y: Float64Array,
  from: number,
  to: number,
  columns: number,
  outX: Float64Array,
  outY: Float64Array,
): number {
  const first = x[from]!;
  const perUnit = columns / (x[to - 1]! - first);
  if (to - from <= 2 * columns || !Number.isFinite(perUnit)) return copyInto(x, y, from, to, outX, outY);
  let count = 0;
  let at = from;
  while (at < to) {
    const column = Math.min(columns - 1, Math.floor((x[at]! - first) * perUnit));
    let low = -1;
    let high = -1;
    const gapBefore = !Number.isFinite(y[at]!);
    let gapAfter = false;
    for (; at < to; at += 1) {
      if (Math.min(columns - 1, Math.floor((x[at]! - first) * perUnit)) !== column) break;
      const each = y[at]!;
      gapAfter = !Number.isFinite(each);
      if (gapAfter) continue;
      if (low < 0 || each < y[low]!) low = at;
      if (high < 0 || each >= y[high]!) high = at;
    }
    if (gapBefore) count = put(outX, outY, count, x[at - 1]!, NaN);
    if (low >= 0) {
      const earlier = Math.min(low, high);
      const later = Math.max(low, high);
      count = put(outX, outY, count, x[earlier]!, y[earlier]!);
      if (later !== earlier) count = put(outX, outY, count, x[later]!, y[later]!);
      if (gapAfter) count = put(outX, outY, count, x[at - 1]!, NaN);
    }
  }
  return count;
}

function put(outX: Float64Array, outY: Float64Array, count: number, x: number, y: number): number {
  outX[count] = x;
  outY[count] = y;
  return count + 1;
}

function copyInto(x: Float64Array, y: Float64Array, from: number, to: number, outX: Float64Array, outY: Float64Array): number {
  const count = Math.min(to - from, outX.length);
  for (let at = 0; at < count; at += 1) {
    outX[at] = x[from + at]!;
    outY[at] = y[from + at]!;
  }
  return count;
}

/** A curve of more points than this is smoothed by its width, not by its points, so that thinning it changes nothing. */
export const SMOOTHED_UNITS = 1_000;

/**
 * Exponential moving average without the pull towards zero at its beginning.
 *
 * @param weight 0 … <1: what stays of the average after one `unit` of x.
 * @param unit the distance of neighbouring points, so that points which are close together count for less.
 */
export function smoothInto(x: Float64Array, y: Float64Array, count: number, weight: number, unit: number, out: Float64Array): void {
  let average = 0;
  let mass = 0;
  let before = NaN;
  for (let at = 0; at < count; at += 1) {
    const each = y[at]!;
    if (!Number.isFinite(each)) {
      out[at] = NaN;
      continue;
    }
    const passed = Number.isNaN(before) ? 1 : Math.max((x[at]! - before) / unit, 1e-3);
    const kept = weight ** passed;
    average = average * kept + each * (1 - kept);
    mass = mass * kept + (1 - kept);
    out[at] = average / mass;
    before = x[at]!;
  }
}

/** Least and greatest finite value; of a logarithmic scale the positive ones only. Keeps what `into` has already. */
export function extendRange(y: Float64Array, count: number, positive: boolean, into: { min: number; max: number }): void {
  for (let at = 0; at < count; at += 1) {
    const each = y[at]!;
    if (!Number.isFinite(each) || (positive && each <= 0)) continue;
    if (each < into.min) into.min = each;
    if (each > into.max) into.max = each;
  }
}

/** Which a value is that a chart has no place for: `NaN`, infinity, minus infinity. */
export type Odd = "nan" | "up" | "down";

/**
 * Where values `from … to` are that are not finite: of each kind at most one in a column of pixels. `x` in the order of the curve.
 */
export function oddOf(x: Float64Array, y: Float64Array, from: number, to: number, columns: number): { x: number; kind: Odd }[] {
  const found: { x: number; kind: Odd }[] = [];
  const perUnit = columns / (x[to - 1]! - x[from]!);
  const last = { nan: -1, up: -1, down: -1 };
  for (let at = from; at < to; at += 1) {
    const each = y[at]!;
    if (Number.isFinite(each)) continue;
    const kind = Number.isNaN(each) ? "nan" : each > 0 ? "up" : "down";
    const column = Number.isFinite(perUnit) ? Math.floor((x[at]! - x[from]!) * perUnit) : 0;
    if (column === last[kind]) continue;
    last[kind] = column;
    found.push({ x: x[at]!, kind });
  }
  return found;
}

/** Room that `bandInto` needs for so many columns. */
export const bandRoom = (columns: number): number => columns + 4;

/**
 * The least, the greatest and the mean of the finite values in each part of x of this width; a part without any is a gap (NaN).
 * Returns how many parts there are.
 */
export function bandInto(
  x: Float64Array,
  y: Float64Array,
  count: number,
  width: number,
  out: { x: Float64Array; low: Float64Array; high: Float64Array; mean: Float64Array },
): number {
  let parts = 0;
  let at = 0;
  while (at < count && parts < out.x.length) {
    const part = Math.floor((x[at]! - x[0]!) / width);
    let low = NaN;
    let high = NaN;
    let sum = 0;
    let known = 0;
    const first = x[at]!;
    let last = first;
    for (; at < count && Math.floor((x[at]! - x[0]!) / width) === part; at += 1) {
      const each = y[at]!;
      if (!Number.isFinite(each)) continue;
      last = x[at]!;
      if (!(each >= low)) low = each;
      if (!(each <= high)) high = each;
      sum += each;
      known += 1;
    }
    out.x[parts] = (first + last) / 2;
    out.low[parts] = low;
    out.high[parts] = high;
    out.mean[parts] = known ? sum / known : NaN;
    parts += 1;
  }
  return parts;
}
