import { describe, expect, it } from "vitest";
import { MetricBuffer, Points, Projected, type Said, type Series } from "./metric-buffer";
import type { PointsTold } from "./protocol";

const series = (steps: number[], values: Said[] = steps): Series => ({ steps, values, times: steps.map((step) => 1_000 + step) });
const told = (steps: number[], attempt = 1, key = "loss", values: Said[] = steps): PointsTold => ({
  key,
  attempt,
  rank: 0,
  ...series(steps, values),
  steps,
  values,
  times: steps.map((step) => 1_000 + step),
});
const stepsOf = (points: Points | undefined): number[] => [...(points?.steps.subarray(0, points.length) ?? [])];
const valuesOf = (points: Points | undefined): number[] => [...(points?.values.subarray(0, points.length) ?? [])];

describe("points of one metric", () => {
  it("tells what is known already once: what was read and told overlaps", () => {
    const points = new Points();
    points.replace(series([1, 2, 3]));
    points.append(series([2, 3, 4]));
    expect(stepsOf(points)).toEqual([1, 2, 3, 4]);
  });

  it("puts late points in their place, and keeps another member's value of the same step", () => {
    const points = new Points();
    points.append(series([1, 5]));
    points.append(series([3, 5], [30, 50]));
    expect(stepsOf(points)).toEqual([1, 3, 5, 5]);
    expect(valuesOf(points)).toEqual([1, 30, 5, 50]);
  });

  it("keeps what is no number as a gap", () => {
    const points = new Points();
    points.append(series([1, 2, 3], [1, null, 3]));
    expect(valuesOf(points)).toEqual([1, NaN, 3]);
    points.append(series([2], [null]));
    expect(points.length).toBe(3);
  });

  it("hears the texts that stand for what JSON has no number for, and hides no peak behind them", () => {
    const points = new Points(1_024);
    points.append(series([1, 2, 3], ["NaN", "Infinity", "-Infinity"]));
    expect(valuesOf(points)).toEqual([NaN, Infinity, -Infinity]);
    for (let step = 4; step < 5_000; step += 1) points.append(series([step], [step === 2_001 ? 9 : step % 2 ? 0 : "Infinity"]));
    expect(points.length).toBeLessThanOrEqual(1_024);
    expect(valuesOf(points)).toContain(9);
  });

  it("is bounded: a million points leave no more than it may hold, with every spike and the ends", () => {
    const points = new Points(1_024);
    for (let step = 0; step < 1_000_000; step += 1) {
      const value = step === 123_456 ? 99 : step === 777_777 ? -99 : Math.sin(step / 5_000);
      points.append({ steps: [step], values: [value], times: [step] });
      if (points.steps.length > 1_024) throw new Error("it grew");
    }
    expect(points.length).toBeLessThanOrEqual(1_024);
    const steps = stepsOf(points);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
    expect([steps[0], steps.at(-1)]).toEqual([0, 999_999]);
    expect(Math.max(...valuesOf(points))).toBe(99);
    expect(Math.min(...valuesOf(points))).toBe(-99);
    expect(steps[valuesOf(points).indexOf(99)]).toBe(123_456);
    // As dense at its beginning as at its end, but for what came since it was last thinned.
    expect(steps.filter((step) => step < 250_000).length).toBeGreaterThan(64);
  });

  it("puts finer points in the place of a part, and keeps what came after it", () => {
    const points = new Points();
    points.replace(series([0, 10, 20, 30, 40]));
    points.refine(series([10, 12, 14, 16, 18, 20]));
    expect(stepsOf(points)).toEqual([0, 10, 12, 14, 16, 18, 20, 30, 40]);
  });

  it("finds the place of a late point when it had to be thinned for it", () => {
    const points = new Points(16);
    points.append(series(Array.from({ length: 1_100 }, (_, index) => index * 2)));
    points.append(series([3]));
    const steps = stepsOf(points);
    expect(steps).toContain(3);
    expect(steps).toEqual([...steps].sort((a, b) => a - b));
  });
});

describe("points of a run", () => {
  it("lets a newer attempt take the place of what it does again, in every metric", () => {
    const buffer = new MetricBuffer();
    buffer.take(told([1, 2, 3, 4]));
    buffer.take(told([1, 2, 3, 4], 1, "accuracy"));
    expect(buffer.take(told([3], 2, "loss", [30]))).toBe("resumed");
    expect(valuesOf(buffer.points("loss"))).toEqual([1, 2, 30]);
    expect(stepsOf(buffer.points("accuracy"))).toEqual([1, 2]);
    expect(buffer.take(told([4], 2))).toBe("taken");
  });

  it("leaves out what an earlier attempt still says", () => {
    const buffer = new MetricBuffer();
    buffer.take(told([1, 2], 2));
    expect(buffer.take(told([3], 1))).toBe("stale");
    expect(stepsOf(buffer.points("loss"))).toEqual([1, 2]);
  });

  it("goes on where a newer attempt does not go back", () => {
    const buffer = new MetricBuffer();
    buffer.take(told([1, 2]));
    expect(buffer.take(told([3, 4], 2))).toBe("taken");
    expect(stepsOf(buffer.points("loss"))).toEqual([1, 2, 3, 4]);
  });

  it("does not take what was read before for an earlier attempt", () => {
    const buffer = new MetricBuffer();
    buffer.replace({ loss: series([1, 2, 3]) });
    expect(buffer.take(told([3, 4], 2))).toBe("taken");
    expect(stepsOf(buffer.points("loss"))).toEqual([1, 2, 3, 4]);
  });
});

describe("another x", () => {
  it("is the time, or what has passed, in its own order", () => {
    const points = new Points();
    points.append({ steps: [1, 2, 3], values: [10, 20, 30], times: [100, 130, 120] });
    const projected = new Projected();
    const byTime = projected.of(points, { kind: "time" });
    expect([...byTime.x.subarray(0, 3)]).toEqual([100, 120, 130]);
    expect([...byTime.y.subarray(0, 3)]).toEqual([10, 30, 20]);
    const relative = projected.of(points, { kind: "relative", zero: 100 });
    expect([...relative.x.subarray(0, 3)]).toEqual([0, 20, 30]);
    expect(projected.of(points, { kind: "step" }).x).toBe(points.steps);
  });

  it("follows points as they come", () => {
    const points = new Points();
    const projected = new Projected();
    points.append({ steps: [1], values: [1], times: [100] });
    projected.of(points, { kind: "time" });
    points.append({ steps: [2], values: [2], times: [101] });
    expect([...projected.of(points, { kind: "time" }).x.subarray(0, 2)]).toEqual([100, 101]);
  });
});
