import { useEffect, useMemo, useState } from "react";
import type { CurveLook, CurveSource } from "@/lib/curves";
import { isOver } from "@/lib/states";
import { live } from "@/live/live";
import type { XAxis } from "@/live/metric-buffer";
import { RunCurves } from "@/live/run-curves";
import { readMetrics } from "../api";
import { readMany, readMembers, type CompareRun } from "../api-compare";
import { ManyCurves } from "../many-curves";
import { MemberCurves, type MemberView } from "../member-curves";

/** Points of one curve that are read at first. */
const WHOLE = 400;
/** What members of jobs that go on have logged is read again so often: ms. */
const AGAIN = 10_000;

/** Whether several members of its job may log. */
export const hasMembers = ({ count_max: most }: Pick<CompareRun, "count_max">): boolean => most > 1;

type Kept = Pick<CompareRun, "id" | "started_at"> & { place: "followed" | "still" | "members" };

/** Where the curves of the compared runs come from; they stay while runs are left out or added. */
export class Shelf {
  private readonly followed = new Map<string, RunCurves>();
  private readonly many = new ManyCurves(readMany);
  private readonly members = new MemberCurves(readMembers);
  private runs: readonly Kept[] = [];

  /** These are compared: of those that are followed their curves. */
  show(runs: readonly CompareRun[], goesOn: (run: CompareRun) => boolean): RunCurves[] {
    this.runs = runs.map((run) => ({ id: run.id, started_at: run.started_at, place: hasMembers(run) ? "members" : goesOn(run) ? "followed" : "still" }));
    return runs.flatMap((run, at) => {
      if (this.runs[at]!.place !== "followed") return [];
      const keys = Object.keys(run.summary);
      const found = this.followed.get(run.id) ?? new RunCurves(readMetrics(run.id), keys, WHOLE);
      this.followed.set(run.id, found);
      found.expect(keys);
      return [found];
    });
  }

  source(id: string, key: string, look: Omit<CurveLook, "id">, axis: XAxis, view: MemberView, name: (member: number) => string): CurveSource {
    const place = this.runs.find((run) => run.id === id)?.place;
    if (place === "members") return this.members.source(id, key, look, axis, view, name);
    return (place === "followed" ? this.followed.get(id) : undefined)?.source(key, look, axis) ?? this.many.source(id, key, look, axis);
  }

  /** Whether all curves of a metric have so many points between two places of the axis. */
  isFine(key: string, axis: XAxis, low: number, high: number, wanted: number): boolean {
    return this.runs.every(({ id, started_at: started, place }) => {
      const own = axisOf(axis.kind, started);
      if (place === "followed") return this.followed.get(id)?.isFine(key, own, low, high, wanted) ?? true;
      return (place === "members" ? this.members : this.many).isFine(id, key, own, low, high, wanted);
    });
  }

  /** Reads finer points between two places: of runs that are over in one question. How many there were of a metric at most. */
  async refine(keys: readonly string[], axis: XAxis, low: number, high: number, points: number): Promise<Record<string, number>> {
    const idsOf = (wanted: Kept["place"]): string[] => this.runs.flatMap(({ id, place }) => (place === wanted ? [id] : []));
    const still = idsOf("still");
    const gangs = idsOf("members");
    const asked = this.runs.flatMap(({ id, started_at: started, place }) => {
      const curves = place === "followed" ? this.followed.get(id) : undefined;
      return curves ? [curves.refine(keys, axisOf(axis.kind, started), low, high, points)] : [];
    });
    if (still.length) asked.push(this.many.refine(still, keys, axis.kind, low, high, points));
    if (gangs.length) asked.push(this.members.refine(gangs, keys, axis.kind, low, high, points));
    const most: Record<string, number> = {};
    for (const found of await Promise.all(asked)) for (const [key, count] of Object.entries(found)) most[key] = Math.max(most[key] ?? 0, count);
    return most;
  }

  /** Members are told by no socket. */
  again(runs: readonly string[]): void {
    this.members.again(runs);
  }

  isCut(runs: readonly string[]): boolean {
    return this.members.isCut(runs);
  }

  end(): void {
    this.many.end();
    this.members.end();
  }
}

/** The x of a run: since its own start. */
export const axisOf = (kind: XAxis["kind"], startedAt: string | null): XAxis => (kind === "relative" ? { kind, zero: startedAt ? Date.parse(startedAt) / 1000 : 0 } : { kind });

/** The points of every run: of those that go on followed while they are looked at, of the others read in one question. */
export function useShelf(runs: readonly CompareRun[]): { shelf: Shelf; version: string } {
  const [shelf] = useState(() => new Shelf());
  // A run that ends while it is looked at stays with those that were followed.
  const [followed] = useState(() => new Set<string>());
  for (const { id, state } of runs) if (!isOver(state)) followed.add(id);
  const version = JSON.stringify(runs.map((run) => [run.id, followed.has(run.id), followed.has(run.id) ? Object.keys(run.summary) : []]));
  // Not by the runs themselves, which are read again and again while one of them goes on.
  // oxlint-disable-next-line react/exhaustive-deps
  const curves = useMemo(() => ({ list: shelf.show(runs, ({ id }) => followed.has(id)), ids: runs.filter((run) => followed.has(run.id) && !hasMembers(run)).map(({ id }) => id) }), [version, shelf]);
  useEffect(() => {
    const ends = curves.list.map((each, at) => each.start(live.follow.bind(live), `run.${curves.ids[at]}`));
    return () => ends.forEach((end) => end());
  }, [curves]);
  const moving = runs.filter((run) => hasMembers(run) && !isOver(run.state)).map(({ id }) => id).join(" ");
  useEffect(() => {
    if (!moving) return undefined;
    const timer = setInterval(() => shelf.again(moving.split(" ")), AGAIN);
    return () => clearInterval(timer);
  }, [shelf, moving]);
  useEffect(() => () => shelf.end(), [shelf]);
  return { shelf, version };
}
