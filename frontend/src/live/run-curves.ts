import type { Curve, CurveLook, CurveSource } from "@/lib/curves";
import type { LiveSocket } from "./socket";
import { isFine } from "./fineness";
import { MetricBuffer, Projected, type Series, type XAxis } from "./metric-buffer";
import type { Update } from "./protocol";

/** What `GET /runs/{id}/metrics` answers. */
export interface MetricsAnswer {
  series: Readonly<Record<string, Series>>;
  next_after: string;
  reset: boolean;
  more: boolean;
}

export interface MetricsQuestion {
  keys: readonly string[];
  points: number;
  after?: string;
  from_step?: number;
  to_step?: number;
  from_time?: number;
  to_time?: number;
}

export type ReadMetrics = (question: MetricsQuestion) => Promise<MetricsAnswer>;
export type Follow = LiveSocket["follow"];

/** Whole curves of up to so many points are chosen from previews by the server, and cost it little. */
const WHOLE = 512;
const KEYS_AT_ONCE = 100;
/** What the platform measures of a job is shown apart from what its code logs. */
export const SYSTEM = "system/";
const isOwn = (key: string): boolean => !key.startsWith(SYSTEM);
/** Before a reading that failed is tried again. */
const PAUSE = 5_000;
/** The measure that says how long an update took. */
export const TAKEN_MEASURE = "bedplate.points.taken";

/**
 * The curves of one run while somebody looks: read once, then added to as points are told; what was missed is read.
 *
 * Charts take `source(key, …)` and hear of changes without React.
 */
export class RunCurves {
  private readonly buffer = new MetricBuffer();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly keyListeners = new Set<() => void>();
  private known: readonly string[] = [];
  private cursor = "";
  /** Whether all up to `cursor` is here, so that what is told next can move it. */
  private complete = false;
  private reading: Promise<void> | null = null;
  private wanted: "" | "rest" | "all" = "";
  private timer: ReturnType<typeof setTimeout> | undefined;
  private ended = false;
  /** In the reading that goes on: points were told, and points were replaced; then those that were told may be gone. */
  private told = false;
  private replaced = false;
  /** The last reading failed. */
  failed = false;

  constructor(
    private readonly read: ReadMetrics,
    keys: readonly string[],
    private readonly whole: number = WHOLE,
  ) {
    this.known = keys.filter(isOwn);
  }

  /** Begins to read and to follow; returns what ends it. */
  start(follow: Follow, subject: string): () => void {
    this.ended = false;
    void this.renew("all");
    const end = follow(subject, { onUpdate: (update) => this.onUpdate(update), onGap: () => void this.renew("rest") });
    return () => {
      this.ended = true;
      clearTimeout(this.timer);
      end();
    };
  }

  /** The metrics that have points, or will; those that were named first. */
  readonly keys = (): readonly string[] => this.known;

  readonly onKeys = (listener: () => void): (() => void) => {
    this.keyListeners.add(listener);
    return () => this.keyListeners.delete(listener);
  };

  /** Metrics that somebody has heard of. */
  expect(keys: readonly string[]): void {
    const news = keys.filter((key) => isOwn(key) && !this.known.includes(key));
    if (!news.length) return;
    this.known = [...this.known, ...news];
    for (const listener of this.keyListeners) listener();
  }

  /** One metric as a chart takes it. */
  source(key: string, look: Omit<CurveLook, "id">, axis: XAxis): CurveSource {
    const projected = new Projected();
    const curve: Curve = { ...look, id: key, x: projected.x, y: projected.y, length: 0 };
    const curves = [curve];
    return {
      subscribe: (changed) => this.listen(key, changed),
      curves: () => {
        const points = this.buffer.points(key);
        if (points) Object.assign(curve, projected.of(points, axis));
        return curves;
      },
    };
  }

  /** Whether a metric has so many points between two places on the axis, and they are spread: finer ones are read with `refine`. */
  isFine(key: string, axis: XAxis, low: number, high: number, wanted: number): boolean {
    const points = this.buffer.points(key);
    return points !== undefined && isFine(points, axis, low, high, wanted);
  }

  /** Reads these metrics as finely as asked between two places on the axis; how many points of each there were. */
  async refine(keys: readonly string[], axis: XAxis, low: number, high: number, points: number): Promise<Record<string, number>> {
    const shift = axis.kind === "relative" ? axis.zero : 0;
    const span = axis.kind === "step" ? { from_step: Math.floor(low), to_step: Math.ceil(high) } : { from_time: low + shift, to_time: high + shift };
    const answer = await this.read({ keys, points, ...span });
    if (this.ended) return {};
    const found: Record<string, number> = {};
    for (const [key, series] of Object.entries(answer.series)) {
      this.buffer.refine(key, series);
      found[key] = series.steps.length;
    }
    this.changed(Object.keys(found));
    return found;
  }

  /** Read what is new: for whoever looks while the socket is away. */
  poll(): void {
    if (!this.ended) void this.renew("rest");
  }

  private onUpdate(update: Update): void {
    const start = performance.now();
    if (update.events?.some((event) => event.kind === "run.resumed")) return void this.renew("all");
    const touched = new Set<string>();
    let again = update.points_missing ? "rest" : "";
    for (const told of update.points ?? []) {
      const taken = this.buffer.take(told);
      if (taken === "taken") touched.add(told.key);
      else again = "all";
    }
    if (touched.size) this.told = true;
    if (this.complete && !again) this.cursor = update.cursor;
    if (touched.size) this.changed([...touched]);
    if (again) void this.renew(again as "rest" | "all");
    performance.measure(TAKEN_MEASURE, { start });
    performance.clearMeasures(TAKEN_MEASURE);
  }

  /** One reading at a time; what is asked for meanwhile comes after it. */
  private renew(what: "rest" | "all"): Promise<void> {
    this.complete = false;
    if (this.wanted !== "all") this.wanted = what;
    this.reading ??= this.readOn().finally(() => {
      this.reading = null;
      if (this.wanted && !this.ended && !this.failed) void this.renew(this.wanted);
    });
    return this.reading;
  }

  private async readOn(): Promise<void> {
    // After what asked for it has been told to everybody: several reasons are one reading.
    await Promise.resolve();
    const what = this.wanted === "all" || !this.cursor ? "all" : "rest";
    this.wanted = "";
    this.told = this.replaced = false;
    try {
      await (what === "all" ? this.readAll() : this.readRest());
      this.failed = false;
      if (this.told && this.replaced) this.wanted ||= "rest";
      if (!this.wanted) this.complete = true;
    } catch {
      this.failed = true;
      if (what === "all") this.cursor = "";
      if (this.ended) return;
      clearTimeout(this.timer);
      this.timer = setTimeout(() => void this.renew(what), PAUSE);
    }
  }

  private async readAll(): Promise<void> {
    let cursor = "";
    for (const keys of this.portions()) {
      const answer = await this.read({ keys, points: this.whole });
      if (this.ended) return;
      // The least far of the portions: what came between them is read again.
      cursor ||= answer.next_after;
      this.put(answer.series, true);
    }
    this.cursor = cursor;
  }

  private async readRest(): Promise<void> {
    const portions = this.portions();
    let cursor = "";
    for (const keys of portions) {
      let after = this.cursor;
      for (let more = true; more; ) {
        const answer = await this.read({ keys, points: this.whole, after });
        if (this.ended) return;
        this.put(answer.series, answer.reset);
        after = answer.next_after;
        more = answer.more;
      }
      cursor ||= after;
    }
    this.cursor = cursor;
  }

  /** All metrics in one question without their names, so that a new one is not passed by; or so many at a time. */
  private portions(): string[][] {
    if (this.known.length <= KEYS_AT_ONCE) return [[]];
    return Array.from({ length: Math.ceil(this.known.length / KEYS_AT_ONCE) }, (_, at) => this.known.slice(at * KEYS_AT_ONCE, (at + 1) * KEYS_AT_ONCE));
  }

  private put(series: Readonly<Record<string, Series>>, instead: boolean): void {
    if (instead) {
      this.replaced = true;
      this.buffer.replace(series);
    } else this.buffer.append(series);
    this.changed(Object.keys(series));
  }

  private changed(keys: readonly string[]): void {
    this.expect(keys);
    for (const key of keys) for (const listener of this.listeners.get(key) ?? []) listener();
  }

  private listen(key: string, changed: () => void): () => void {
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners);
    listeners.add(changed);
    return () => listeners.delete(changed);
  }
}
