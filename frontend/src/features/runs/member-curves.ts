import type { Curve, CurveLook, CurveSource } from "@/lib/curves";
import { isFine } from "@/live/fineness";
import { MetricBuffer, Projected, type Points, type Series, type XAxis } from "@/live/metric-buffer";
import { Gathering } from "./gathering";
import { BUCKETS, BUCKETS_MOST, type ManyAsked } from "./many-curves";
import { together, type Line } from "./members";
import { partOf } from "./part";

/** How the members of a job are drawn: their mean, the mean within the least and the greatest of them, or each by itself. */
export const MEMBER_VIEWS = ["mean", "band", "each"] as const;
export type MemberView = (typeof MEMBER_VIEWS)[number];

export interface MembersAnswer {
  runs: readonly { run: string; member_count: number; members: readonly { member: number; series: Readonly<Record<string, Series>> }[] }[];
}
export type MembersRead = (asked: ManyAsked) => Promise<MembersAnswer>;

/** Members are told apart by their dashes, as far as that goes: their colour is that of their run. */
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]] as const;

/** Curves of each member of jobs that have several, read when a chart wants them. */
export class MemberCurves {
  private readonly byRun = new Map<string, Map<number, MetricBuffer>>();
  private readonly counts = new Map<string, number>();
  private readonly gathering = new Gathering((runs, keys) => this.fetch(runs, keys));

  constructor(private readonly read: MembersRead) {}

  /** One metric of one run as a chart takes it. `name` names a member. */
  source(run: string, key: string, look: Omit<CurveLook, "id">, axis: XAxis, view: MemberView, name: (member: number) => string): CurveSource {
    const curves = view === "each" ? each(look, run, axis, name) : summed(look, run, axis, view === "band");
    return { subscribe: (changed) => this.gathering.look(run, key, changed), curves: () => curves(this.points(run, key)) };
  }

  /** How many members logged something, of which only the first have curves here; 0: nobody knows yet. */
  countOf(run: string): number {
    return this.counts.get(run) ?? 0;
  }

  /** Whether one of these runs has more members than are read. */
  isCut(runs: readonly string[]): boolean {
    return runs.some((run) => this.countOf(run) > (this.byRun.get(run)?.size ?? 0));
  }

  isFine(run: string, key: string, axis: XAxis, low: number, high: number, wanted: number): boolean {
    const points = this.points(run, key);
    return points.length > 0 && points.every(([, of]) => isFine(of, axis, low, high, wanted));
  }

  /** As of `ManyCurves`. */
  async refine(runs: readonly string[], keys: readonly string[], kind: XAxis["kind"], low: number, high: number, points: number): Promise<Record<string, number>> {
    const answer = await this.read({ runs, keys, buckets: Math.min(BUCKETS_MOST, Math.ceil(points / 2)), ...partOf(kind, low, high) });
    const most: Record<string, number> = {};
    for (const { run, members } of answer.runs) {
      for (const { member, series } of members) {
        for (const [key, found] of Object.entries(series)) {
          this.byRun.get(run)?.get(member)?.refine(key, found);
          most[key] = Math.max(most[key] ?? 0, found.steps.length);
        }
      }
    }
    this.gathering.tell(keys);
    return most;
  }

  /** Read again of runs that go on. */
  again(runs: readonly string[]): void {
    this.gathering.again(runs);
  }

  end(): void {
    this.gathering.end();
  }

  private points(run: string, key: string): [number, Points][] {
    return [...(this.byRun.get(run) ?? [])].flatMap(([member, buffer]): [number, Points][] => {
      const points = buffer.points(key);
      return points ? [[member, points]] : [];
    });
  }

  private async fetch(runs: readonly string[], keys: readonly string[]): Promise<void> {
    const answer = await this.read({ runs, keys, buckets: BUCKETS });
    for (const { run, member_count: count, members } of answer.runs) {
      this.counts.set(run, count);
      const buffers = this.byRun.get(run) ?? new Map<number, MetricBuffer>();
      this.byRun.set(run, buffers);
      for (const { member, series } of members) {
        const buffer = buffers.get(member) ?? new MetricBuffer();
        buffers.set(member, buffer);
        buffer.replace(series);
      }
    }
  }
}

type Drawn = (points: readonly [number, Points][]) => readonly Curve[];

const NOTHING = new Float64Array(0);

/** A curve for each member. */
function each(look: Omit<CurveLook, "id">, run: string, axis: XAxis, name: (member: number) => string): Drawn {
  const made = new Map<number, { projected: Projected; curve: Curve }>();
  return (points) =>
    points.map(([member, of]) => {
      const kept = made.get(member) ?? {
        projected: new Projected(),
        curve: { ...look, id: `${run} ${member}`, group: run, label: `${look.label} · ${name(member)}`, dash: DASHES[member % DASHES.length]!, x: NOTHING, y: NOTHING, length: 0 },
      };
      made.set(member, kept);
      return Object.assign(kept.curve, kept.projected.of(of, axis));
    });
}

/** One curve of all members; computed anew only when their points have changed. */
function summed(look: Omit<CurveLook, "id">, run: string, axis: XAxis, isBand: boolean): Drawn {
  const curve: Curve = { ...look, id: run, x: NOTHING, y: NOTHING, length: 0 };
  const projected = new Map<number, Projected>();
  let versions = "";
  return (points) => {
    const now = points.map(([member, of]) => `${member}:${of.version}`).join(" ");
    if (now !== versions) {
      versions = now;
      const lines = points.map(([member, of]): Line => {
        const kept = projected.get(member) ?? new Projected();
        projected.set(member, kept);
        return kept.of(of, axis);
      });
      const { low, high, ...mean } = together(lines);
      Object.assign(curve, mean, isBand ? { low, high } : {});
    }
    return [curve];
  };
}
