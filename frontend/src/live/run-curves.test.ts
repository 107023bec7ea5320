import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Update } from "./protocol";
import { RunCurves, type Follow, type MetricsAnswer, type MetricsQuestion } from "./run-curves";
import type { Follower } from "./socket";

const STEP = { kind: "step" } as const;
const LOOK = { label: "loss", color: "red" };
const series = (...steps: number[]) => ({ steps, values: steps, times: steps.map((step) => 1_000 + step) });

let asked: (MetricsQuestion & { answer: (answer: Partial<MetricsAnswer>) => Promise<void>; fail: () => Promise<void> })[];
let follower: Follower;
let curves: RunCurves;
let end: () => void;

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
};
const shown = (): number[] => {
  const [curve] = curves.source("loss", LOOK, STEP).curves();
  return [...curve!.x.subarray(0, curve!.length)];
};
const points = (attempt: number, ...steps: number[]) => ({ key: "loss", attempt, rank: 0, ...series(...steps) });
const update = (cursor: string, rest: Partial<Update> = {}): void => follower.onUpdate!({ type: "update", subject: "run.1", cursor, ...rest });

beforeEach(async () => {
  asked = [];
  const read = (question: MetricsQuestion): Promise<MetricsAnswer> =>
    new Promise((resolve, reject) => {
      asked.push({
        ...question,
        answer: (answer) => {
          resolve({ series: {}, next_after: "1-1", reset: false, more: false, ...answer });
          return settle();
        },
        fail: () => {
          reject(new Error("no answer"));
          return settle();
        },
      });
    });
  const follow = ((_: string, given: Follower) => {
    follower = given;
    return () => undefined;
  }) as Follow;
  curves = new RunCurves(read, ["loss"]);
  end = curves.start(follow, "run.1");
  await settle();
  return () => end();
});

describe("the curves of a run", () => {
  it("are read whole, and then added to as points are told", async () => {
    await asked[0]!.answer({ series: { loss: series(1, 2) }, next_after: "10-5", reset: true });
    const changed = vi.fn();
    curves.source("loss", LOOK, STEP).subscribe(changed);
    update("12-9", { points: [points(1, 3, 4)] });
    expect(shown()).toEqual([1, 2, 3, 4]);
    expect(changed).toHaveBeenCalledTimes(1);
    expect(asked).toHaveLength(1);
  });

  it("read on after what is here when there is a gap: not from where the page began", async () => {
    await asked[0]!.answer({ series: { loss: series(1, 2) }, next_after: "10-5", reset: true });
    update("12-9", { points: [points(1, 3)] });
    follower.onGap!();
    await settle();
    expect(asked[1]).toMatchObject({ after: "12-9" });
    await asked[1]!.answer({ series: { loss: series(4) }, next_after: "15-1", more: true });
    expect(asked[2]).toMatchObject({ after: "15-1" });
    await asked[2]!.answer({ series: { loss: series(5) }, next_after: "16-1" });
    expect(shown()).toEqual([1, 2, 3, 4, 5]);
    expect(asked).toHaveLength(3);
  });

  it("leave out what the platform measures of the job: it is shown apart", async () => {
    await asked[0]!.answer({ series: { loss: series(1) }, next_after: "10-5", reset: true });
    update("12-9", { points: [{ ...points(1, 1), key: "system/cpu_cores" }, { ...points(1, 2), key: "accuracy" }] });
    expect(curves.keys()).toEqual(["loss", "accuracy"]);
  });

  it("do not pass by what was told to be missing, whatever is told after it", async () => {
    await asked[0]!.answer({ series: { loss: series(1) }, next_after: "10-5", reset: true });
    update("12-9", { points_missing: true });
    update("13-9", { points: [points(1, 9)] });
    await settle();
    expect(asked[1]).toMatchObject({ after: "10-5" });
    await asked[1]!.answer({ series: { loss: series(5, 9) }, next_after: "13-9" });
    expect(shown()).toEqual([1, 5, 9]);
  });

  it("lose nothing that is told while all of it is read", async () => {
    update("12-9", { points: [points(1, 3)] });
    await asked[0]!.answer({ series: { loss: series(1, 2) }, next_after: "10-5", reset: true });
    expect(asked[1]).toMatchObject({ after: "10-5" });
    await asked[1]!.answer({ series: { loss: series(3) }, next_after: "13-9" });
    expect(shown()).toEqual([1, 2, 3]);
  });

  it("are read whole again when the run goes on from a checkpoint", async () => {
    await asked[0]!.answer({ series: { loss: series(1, 2, 3) }, next_after: "10-5", reset: true });
    update("12-9", { events: [{ kind: "run.resumed", subject: "run.1" }] });
    await settle();
    expect(asked[1]!.after).toBeUndefined();
    await asked[1]!.answer({ series: { loss: series(1, 2) }, next_after: "12-9", reset: true });
    expect(shown()).toEqual([1, 2]);
  });

  it("are replaced when the API says so", async () => {
    await asked[0]!.answer({ series: { loss: series(1, 2, 3) }, next_after: "10-5", reset: true });
    follower.onGap!();
    await settle();
    await asked[1]!.answer({ series: { loss: series(1, 7) }, next_after: "19-1", reset: true });
    expect(shown()).toEqual([1, 7]);
  });

  it("are one reading for several reasons, and one more for what comes meanwhile", async () => {
    follower.onGap!();
    follower.onGap!();
    await asked[0]!.answer({ series: {}, next_after: "10-5", reset: true });
    expect(asked).toHaveLength(2);
    follower.onGap!();
    follower.onGap!();
    await asked[1]!.answer({ next_after: "11-5" });
    expect(asked).toHaveLength(3);
    await asked[2]!.answer({ next_after: "12-5" });
    expect(asked).toHaveLength(3);
  });

  it("are tried again after an error, and keep what they have", async () => {
    vi.useFakeTimers();
    await asked[0]!.answer({ series: { loss: series(1) }, next_after: "10-5", reset: true });
    follower.onGap!();
    await settle();
    await asked[1]!.fail();
    expect(shown()).toEqual([1]);
    vi.advanceTimersByTime(5_000);
    await settle();
    expect(asked[2]).toMatchObject({ after: "10-5" });
    vi.useRealTimers();
  });

  it("take finer points for a part", async () => {
    await asked[0]!.answer({ series: { loss: series(0, 50, 100) }, next_after: "10-5", reset: true });
    const refined = curves.refine(["loss"], STEP, 40, 60, 800);
    expect(asked[1]).toMatchObject({ keys: ["loss"], from_step: 40, to_step: 60, points: 800 });
    await asked[1]!.answer({ series: { loss: series(45, 50, 55) } });
    await refined;
    expect(shown()).toEqual([0, 45, 50, 55, 100]);
  });

  it("are fine where there are enough points in every part, not in one", async () => {
    const even = Array.from({ length: 80 }, (_, step) => step);
    await asked[0]!.answer({ series: { loss: series(...even, ...Array.from({ length: 20 }, (_, at) => 100 + at * 45)) }, next_after: "10-5", reset: true });
    expect(curves.isFine("loss", STEP, 0, 80, 80)).toBe(true);
    expect(curves.isFine("loss", STEP, 0, 80, 160)).toBe(false);
    expect(curves.isFine("loss", STEP, 0, 955, 80)).toBe(false);
    expect(curves.isFine("nothing", STEP, 0, 80, 1)).toBe(false);
  });

  it("say which metrics there are, new ones too", async () => {
    const changed = vi.fn();
    curves.onKeys(changed);
    await asked[0]!.answer({ series: { loss: series(1) }, next_after: "10-5", reset: true });
    expect(changed).not.toHaveBeenCalled();
    update("12-9", { points: [{ ...points(1, 1), key: "accuracy" }] });
    expect(curves.keys()).toEqual(["loss", "accuracy"]);
    expect(changed).toHaveBeenCalledTimes(1);
  });
});
