import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ManyCurves, type ManyRead } from "./many-curves";

const LOOK = { label: "a", color: "var(--series-0)" };
const series = (value: number) => ({ steps: [1, 2], values: [value, value + 1], times: [10, 20] });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function answered(): { read: ManyRead; asked: [readonly string[], readonly string[]][] } {
  const asked: [readonly string[], readonly string[]][] = [];
  const read: ManyRead = ({ runs, keys }) => {
    asked.push([runs, keys]);
    return Promise.resolve({ runs: runs.map((run, at) => ({ run, series: Object.fromEntries(keys.map((key) => [key, series(at)])) })) });
  };
  return { read, asked };
}

describe("curves of many runs", () => {
  it("asks once for all that charts want, and tells them", async () => {
    const { read, asked } = answered();
    const curves = new ManyCurves(read);
    const told = vi.fn<() => void>();
    const first = curves.source("r1", "loss", LOOK, { kind: "step" });
    for (const source of [first, curves.source("r2", "loss", LOOK, { kind: "step" }), curves.source("r1", "auc", LOOK, { kind: "step" })]) source.subscribe(told);
    expect(first.curves()[0]).toMatchObject({ id: "r1", length: 0 });
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toEqual([[["r1", "r2"], ["loss", "auc"]]]);
    expect(told).toHaveBeenCalledTimes(2);
    expect([...first.curves()[0]!.y.subarray(0, 2)]).toEqual([0, 1]);
    expect(curves.source("r2", "loss", LOOK, { kind: "relative", zero: 10 }).curves()[0]!.x.subarray(0, 2)).toEqual(Float64Array.of(0, 10));
  });

  it("does not ask again for what it has", async () => {
    const { read, asked } = answered();
    const curves = new ManyCurves(read);
    curves.source("r1", "loss", LOOK, { kind: "step" }).subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(40);
    curves.source("r1", "loss", LOOK, { kind: "time" }).subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toHaveLength(1);
  });

  it("asks for twenty metrics at a time", async () => {
    const { read, asked } = answered();
    const curves = new ManyCurves(read);
    for (let at = 0; at < 45; at += 1) curves.source("r1", `m${at}`, LOOK, { kind: "step" }).subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked.map(([, keys]) => keys.length)).toEqual([20, 20, 5]);
  });

  it("asks again after a failure while somebody looks", async () => {
    const { read, asked } = answered();
    const failing = vi.fn<ManyRead>().mockRejectedValueOnce(new Error("away")).mockImplementation(read);
    const curves = new ManyCurves(failing);
    curves.source("r1", "loss", LOOK, { kind: "step" }).subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(asked).toEqual([[["r1"], ["loss"]]]);
  });

  it("are read more finely between two places, into the place of what is there", async () => {
    const asked: unknown[] = [];
    const coarse = { steps: [0, 100, 200], values: [0, 1, 2], times: [0, 100, 200] };
    const fine = { steps: [90, 100, 110], values: [5, 6, 7], times: [90, 100, 110] };
    const read: ManyRead = ({ runs, ...question }) => {
      asked.push(question);
      return Promise.resolve({ runs: runs.map((run) => ({ run, series: { loss: question.from_step === undefined ? coarse : fine } })) });
    };
    const curves = new ManyCurves(read);
    const told = vi.fn<() => void>();
    const source = curves.source("r1", "loss", LOOK, { kind: "step" });
    source.subscribe(told);
    await vi.advanceTimersByTimeAsync(40);
    expect(curves.isFine("r1", "loss", { kind: "step" }, 80, 120, 16)).toBe(false);
    await expect(curves.refine(["r1"], ["loss"], "step", 89.5, 110.2, 600)).resolves.toEqual({ loss: 3 });
    expect(asked.at(-1)).toEqual({ keys: ["loss"], buckets: 300, from_step: 89, to_step: 111 });
    const [curve] = source.curves();
    expect([...curve!.x.subarray(0, curve!.length)]).toEqual([0, 90, 100, 110, 200]);
    expect(told).toHaveBeenCalledTimes(2);
  });
});
