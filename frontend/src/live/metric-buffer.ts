import { ascends, firstFrom, sortTogether } from "@/lib/curves";
import type { PointsTold } from "./protocol";

/** Points of one metric as the API answers them. */
export interface Series {
  steps: readonly number[];
  values: readonly Said[];
  times: readonly number[];
}

/** A value as JSON has it: NaN and the infinities, which it has not, are texts. Null: there is none. */
export type Said = number | "NaN" | "Infinity" | "-Infinity" | null;

const heard = (said: Said | undefined): number => (typeof said === "number" ? said : said == null ? NaN : Number(said));

/** What became of points that were told. */
export type Taken =
  | "taken"
  /** Of an attempt before the newest: whether they count only the API knows. */
  | "stale"
  /** The first of a newer attempt that goes back: what it replaces is gone, the API has the exact curve. */
  | "resumed";

/** Points that one metric keeps: 24 bytes each. A chart shows at most two a pixel, so this is enough for some zooming without reading. */
export const POINTS_MOST = 32_768;
const FIRST_ROOM = 1_024;

/** The points of one metric, by ascending step, in arrays that are used again. At most `most` of them: then it is thinned. */
export class Points {
  steps = new Float64Array(FIRST_ROOM);
  values = new Float64Array(FIRST_ROOM);
  times = new Float64Array(FIRST_ROOM);
  length = 0;
  /** Grows with every change. */
  version = 0;
  /** At most so many values are not finite. */
  odd = 0;

  constructor(private readonly most: number = POINTS_MOST) {}

  get lastStep(): number {
    return this.length ? this.steps[this.length - 1]! : -Infinity;
  }

  /** All of it is this from now on. */
  replace(series: Series): void {
    this.length = this.odd = 0;
    this.append(series);
    this.version += 1;
  }

  /** Adds points; those that are known already change nothing, those before the last go to their place. */
  append({ steps, values, times }: Series): void {
    for (let at = 0; at < steps.length; at += 1) {
      const step = steps[at]!;
      const each = heard(values[at]);
      const time = times[at] ?? NaN;
      if (step > this.lastStep) this.put(this.length, step, each, time);
      else this.insert(step, each, time);
    }
    this.version += 1;
  }

  /** Puts finer points in the place of those within their steps. */
  refine(series: Series): void {
    const { steps } = series;
    if (!steps.length) return;
    const from = firstFrom(this.steps, this.length, steps[0]!);
    const to = firstFrom(this.steps, this.length, steps[steps.length - 1]! + 1);
    const rest = this.length - to;
    const tail = { steps: this.steps.slice(to, this.length), values: this.values.slice(to, this.length), times: this.times.slice(to, this.length) };
    this.length = from;
    this.append(series);
    for (let at = 0; at < rest; at += 1) this.put(this.length, tail.steps[at]!, tail.values[at]!, tail.times[at]!);
    this.version += 1;
  }

  /** Drops the points from this step on. */
  dropFrom(step: number): void {
    this.length = firstFrom(this.steps, this.length, step);
    this.version += 1;
  }

  private insert(step: number, value: number, time: number): void {
    let at = firstFrom(this.steps, this.length, step);
    for (; at < this.length && this.steps[at] === step; at += 1) {
      if (this.times[at] === time && Object.is(this.values[at], value)) return;
    }
    this.put(at, step, value, time);
  }

  private put(at: number, step: number, value: number, time: number): void {
    let place = at;
    if (this.length === this.steps.length) {
      this.makeRoom();
      place = at === this.length ? at : Math.min(firstFrom(this.steps, this.length, step), this.length);
    }
    if (place < this.length) for (const column of [this.steps, this.values, this.times]) column.copyWithin(place + 1, place, this.length);
    this.steps[place] = step;
    this.values[place] = value;
    this.times[place] = time;
    this.length += 1;
    if (!Number.isFinite(value)) this.odd += 1;
  }

  private makeRoom(): void {
    if (this.length >= this.most) return this.thin();
    const room = Math.min(this.most, this.length * 2);
    for (const name of ["steps", "values", "times"] as const) {
      const wider = new Float64Array(room);
      wider.set(this[name]);
      this[name] = wider;
    }
  }

  /** Halves it, in place: the least and the greatest of each of equal parts of the steps stay, and the ends. */
  private thin(): void {
    const parts = this.most >> 2;
    const first = this.steps[0]!;
    const perStep = parts / (this.lastStep - first + 1);
    const partOf = (at: number): number => Math.floor((this.steps[at]! - first) * perStep);
    const last = this.length - 1;
    let kept = this.keep(0, 0);
    for (let at = 1; at < last; ) {
      const part = partOf(at);
      let low = at;
      let high = at;
      for (; at < last && partOf(at) === part; at += 1) {
        // A gap stays only where there is nothing else: an infinity is one too, and hides no peak.
        if (!Number.isFinite(this.values[at])) continue;
        if (this.values[at]! < this.values[low]! || !Number.isFinite(this.values[low])) low = at;
        if (this.values[at]! >= this.values[high]! || !Number.isFinite(this.values[high])) high = at;
      }
      kept = this.keep(kept, Math.min(low, high));
      if (low !== high) kept = this.keep(kept, Math.max(low, high));
    }
    this.length = this.keep(kept, last);
  }

  private keep(to: number, from: number): number {
    this.steps[to] = this.steps[from]!;
    this.values[to] = this.values[from]!;
    this.times[to] = this.times[from]!;
    return to + 1;
  }
}

/** The points of one run, by metric. */
export class MetricBuffer {
  private readonly byKey = new Map<string, Points>();
  /** The newest attempt that has told points; 0: none has. */
  private attempt = 0;

  constructor(private readonly most: number = POINTS_MOST) {}

  keys(): string[] {
    return [...this.byKey.keys()];
  }

  points(key: string): Points | undefined {
    return this.byKey.get(key);
  }

  /** These are the points of these metrics. */
  replace(series: Readonly<Record<string, Series>>): void {
    for (const [key, each] of Object.entries(series)) this.of(key).replace(each);
  }

  /** These came later. */
  append(series: Readonly<Record<string, Series>>): void {
    for (const [key, each] of Object.entries(series)) this.of(key).append(each);
  }

  refine(key: string, series: Series): void {
    this.of(key).refine(series);
  }

  /** Points from the socket. */
  take(told: PointsTold): Taken {
    if (told.attempt < this.attempt) return "stale";
    const points = this.of(told.key);
    const first = Math.min(...told.steps);
    const isNewer = this.attempt > 0 && told.attempt > this.attempt;
    this.attempt = told.attempt;
    const goesBack = isNewer && [...this.byKey.values()].some((each) => each.lastStep >= first);
    if (goesBack) for (const each of this.byKey.values()) each.dropFrom(first);
    points.append(told);
    return goesBack ? "resumed" : "taken";
  }

  private of(key: string): Points {
    let points = this.byKey.get(key);
    if (!points) {
      points = new Points(this.most);
      this.byKey.set(key, points);
    }
    return points;
  }
}

/** What x is: steps, the time of day in Unix seconds, or seconds since `zero`. */
export type XAxis = { kind: "step" } | { kind: "time" } | { kind: "relative"; zero: number };

/** Points with another x than their steps, in order of it; made again only when the points have changed. */
export class Projected {
  x = new Float64Array(0);
  y = new Float64Array(0);
  private version = -1;
  private axis = "";

  of(points: Points, axis: XAxis): { x: Float64Array; y: Float64Array; length: number; odd: number } {
    if (axis.kind === "step") return { x: points.steps, y: points.values, length: points.length, odd: points.odd };
    const name = axis.kind === "time" ? "time" : `relative ${axis.zero}`;
    if (this.version !== points.version || this.axis !== name) {
      this.version = points.version;
      this.axis = name;
      this.make(points, axis.kind === "time" ? 0 : axis.zero);
    }
    return { x: this.x, y: this.y, length: points.length, odd: points.odd };
  }

  private make(points: Points, zero: number): void {
    if (this.x.length < points.length) {
      this.x = new Float64Array(points.steps.length);
      this.y = new Float64Array(points.steps.length);
    }
    for (let at = 0; at < points.length; at += 1) {
      this.x[at] = points.times[at]! - zero;
      this.y[at] = points.values[at]!;
    }
    if (!ascends(this.x, points.length)) sortTogether(this.x, [this.y], points.length);
  }
}
