import type { Curve, CurveLook, CurveSource } from "@/lib/curves";
import { isFine } from "@/live/fineness";
import { MetricBuffer, Projected, type Series, type XAxis } from "@/live/metric-buffer";
import { Gathering } from "./gathering";
import { partOf, type Part } from "./part";

export interface ManyAnswer {
  runs: readonly { run: string; series: Readonly<Record<string, Series>> }[];
}
export interface ManyAsked extends Part {
  runs: readonly string[];
  keys: readonly string[];
  buckets: number;
}
export type ManyRead = (asked: ManyAsked) => Promise<ManyAnswer>;

/** Two points of each: the server chooses so many from what it keeps thinned, at little cost. */
export const BUCKETS = 200;
export const BUCKETS_MOST = 1_000;

/** Curves of runs that are over, read when a chart wants them: of all runs and charts in sight in one question. */
export class ManyCurves {
  private readonly buffers = new Map<string, MetricBuffer>();
  private readonly gathering = new Gathering((runs, keys) => this.fetch(runs, keys));

  constructor(private readonly read: ManyRead) {}

  /** One metric of one run as a chart takes it. It is read once somebody looks. */
  source(run: string, key: string, look: Omit<CurveLook, "id">, axis: XAxis): CurveSource {
    const projected = new Projected();
    const curve: Curve = { ...look, id: run, x: projected.x, y: projected.y, length: 0 };
    const curves = [curve];
    return {
      subscribe: (changed) => this.gathering.look(run, key, changed),
      curves: () => {
        const points = this.buffers.get(run)?.points(key);
        if (points) Object.assign(curve, projected.of(points, axis));
        return curves;
      },
    };
  }

  isFine(run: string, key: string, axis: XAxis, low: number, high: number, wanted: number): boolean {
    const points = this.buffers.get(run)?.points(key);
    return points !== undefined && isFine(points, axis, low, high, wanted);
  }

  /** Reads a part of these curves as finely as asked, into the place of what is there; how many points of each metric there were at most. */
  async refine(runs: readonly string[], keys: readonly string[], kind: XAxis["kind"], low: number, high: number, points: number): Promise<Record<string, number>> {
    const { runs: found } = await this.read({ runs, keys, buckets: Math.min(BUCKETS_MOST, Math.ceil(points / 2)), ...partOf(kind, low, high) });
    const most: Record<string, number> = {};
    for (const { run, series } of found) {
      for (const [key, each] of Object.entries(series)) {
        this.buffers.get(run)?.refine(key, each);
        most[key] = Math.max(most[key] ?? 0, each.steps.length);
      }
    }
    this.gathering.tell(keys);
    return most;
  }

  end(): void {
    this.gathering.end();
  }

  private async fetch(runs: readonly string[], keys: readonly string[]): Promise<void> {
    const answer = await this.read({ runs, keys, buckets: BUCKETS });
    for (const { run, series } of answer.runs) {
      const buffer = this.buffers.get(run) ?? new MetricBuffer();
      this.buffers.set(run, buffer);
      buffer.replace(series);
    }
  }
}
