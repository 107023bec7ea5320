import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemberCurves, type MembersRead } from "./member-curves";

const LOOK = { label: "gang", color: "var(--series-0)", group: "r" };
const STEP = { kind: "step" } as const;
const series = (...values: number[]) => ({ steps: values.map((_, at) => at + 1), values, times: values.map((_, at) => 10 * (at + 1)) });
const named = (n: number): string => `member ${n}`;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

let asked: Parameters<MembersRead>[0][];
let values: [number, number[]][];
const read: MembersRead = (question) => {
  asked.push(question);
  return Promise.resolve({ runs: question.runs.map((run) => ({ run, member_count: 3, members: values.map(([member, of]) => ({ member, series: { loss: series(...of) } })) })) });
};

beforeEach(() => {
  asked = [];
  values = [
    [0, [1, 2]],
    [3, [3, 6]],
  ];
});

describe("curves of members", () => {
  it("are one of their mean, or one each in the colour of their run", async () => {
    const curves = new MemberCurves(read);
    const mean = curves.source("r", "loss", LOOK, STEP, "mean", named);
    const each = curves.source("r", "loss", LOOK, STEP, "each", named);
    mean.subscribe(() => undefined);
    each.subscribe(() => undefined);
    expect(each.curves()).toEqual([]);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toEqual([{ runs: ["r"], keys: ["loss"], buckets: 200 }]);
    const [one] = mean.curves();
    expect([one!.id, [...one!.y], one!.low]).toEqual(["r", [2, 4], undefined]);
    expect(each.curves().map(({ id, label, color, group, length }) => [id, label, color, group, length])).toEqual([
      ["r 0", "gang · member 0", "var(--series-0)", "r", 2],
      ["r 3", "gang · member 3", "var(--series-0)", "r", 2],
    ]);
    expect(curves.isCut(["r"])).toBe(true);
  });

  it("have a band from the least to the greatest", async () => {
    const curves = new MemberCurves(read);
    const source = curves.source("r", "loss", LOOK, STEP, "band", named);
    source.subscribe(() => undefined);
    await vi.advanceTimersByTimeAsync(40);
    const [band] = source.curves();
    expect([[...band!.low!], [...band!.high!]]).toEqual([[1, 2], [3, 6]]);
  });

  it("are read again while their job goes on, and as finely as asked where the reader zooms", async () => {
    const curves = new MemberCurves(read);
    const told = vi.fn<() => void>();
    const source = curves.source("r", "loss", LOOK, STEP, "mean", named);
    const end = source.subscribe(told);
    await vi.advanceTimersByTimeAsync(40);
    values = [[0, [5, 7]]];
    curves.again(["r"]);
    await vi.advanceTimersByTimeAsync(40);
    expect(told).toHaveBeenCalledTimes(2);
    expect([...source.curves()[0]!.y]).toEqual([4, 6.5]);
    await expect(curves.refine(["r"], ["loss"], "relative", 1, 2.5, 800)).resolves.toEqual({ loss: 2 });
    expect(asked.at(-1)).toEqual({ runs: ["r"], keys: ["loss"], buckets: 400, from_second: 1, to_second: 2.5 });
    end();
    curves.again(["r"]);
    await vi.advanceTimersByTimeAsync(40);
    expect(asked).toHaveLength(3);
  });
});
