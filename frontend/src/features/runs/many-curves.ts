import type { Curve, CurveLook, CurveSource } from "@/lib/curves";
import { MetricBuffer, Projected, type Series, type XAxis } from "@/live/metric-buffer";

export interface ManyAnswer {
  runs: readonly { run: string; series: Readonly<Record<string, Series>> }[];
}
export type ManyRead = (asked: { runs: readonly string[]; keys: readonly string[]; buckets: number }) => Promise<ManyAnswer>;

/** What is asked for within this is one question. */
const WAIT = 30;
const KEYS_AT_ONCE = 20;
const RUNS_AT_ONCE = 50;
/** Two points of each: the server chooses so many from what it keeps thinned, at little cost. */
const BUCKETS = 200;
const PAUSE = 5_000;

/** Curves of runs that are over, read when a chart wants them: of all runs and charts in sight in one question. */
export class ManyCurves {
  private readonly buffers = new Map<string, MetricBuffer>();
  private readonly asked = new Set<string>();
  private readonly wanted = new Map<string, Set<string>>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly read: ManyRead) {}

  /** One metric of one run as a chart takes it. It is read once somebody looks. */
  source(run: string, key: string, look: Omit<CurveLook, "id">, axis: XAxis): CurveSource {
    const projected = new Projected();
    const curve: Curve = { ...look, id: run, x: projected.x, y: projected.y, length: 0 };
    const curves = [curve];
    return {
      subscribe: (changed) => {
        this.want(run, key);
        const listeners = this.listeners.get(key) ?? new Set();
        this.listeners.set(key, listeners);
        listeners.add(changed);
        return () => listeners.delete(changed);
      },
      curves: () => {
        const points = this.buffers.get(run)?.points(key);
        if (points) Object.assign(curve, projected.of(points, axis));
        return curves;
      },
    };
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private want(run: string, key: string): void {
    const name = `${run} ${key}`;
    if (this.asked.has(name)) return;
    this.asked.add(name);
    const runs = this.wanted.get(key) ?? new Set();
    this.wanted.set(key, runs.add(run));
    this.timer ??= setTimeout(() => this.ask(), WAIT);
  }

  private ask(): void {
    this.timer = undefined;
    const keys = [...this.wanted.keys()];
    const runs = [...new Set([...this.wanted.values()].flatMap((each) => [...each]))];
    this.wanted.clear();
    for (const some of portions(keys, KEYS_AT_ONCE)) for (const few of portions(runs, RUNS_AT_ONCE)) void this.fetch(few, some);
  }

  private async fetch(runs: readonly string[], keys: readonly string[]): Promise<void> {
    try {
      const answer = await this.read({ runs, keys, buckets: BUCKETS });
      for (const { run, series } of answer.runs) {
        const buffer = this.buffers.get(run) ?? new MetricBuffer();
        this.buffers.set(run, buffer);
        buffer.replace(series);
      }
      for (const key of keys) for (const listener of this.listeners.get(key) ?? []) listener();
    } catch {
      // What nobody answered is asked again while somebody looks.
      for (const key of keys) for (const run of runs) this.asked.delete(`${run} ${key}`);
      setTimeout(() => {
        for (const key of keys) if (this.listeners.get(key)?.size) for (const run of runs) this.want(run, key);
      }, PAUSE);
    }
  }
}

function portions<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}
