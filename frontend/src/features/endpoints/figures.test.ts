import { describe, expect, it } from "vitest";
import { goOn, type Figures } from "./figures";

type View = Figures["gateway"];

const series = (rate: number[]) => ({
  requests_per_second: rate,
  errors_per_second: { caller: rate.map(() => 0), server: rate.map(() => 0) },
  p50_ms: rate.map((each) => (each ? 1 : null)),
  p95_ms: rate.map(() => null),
  p99_ms: rate.map(() => null),
});
const view = (rates: Record<string, number[]>, length: number): View => ({
  total: series(Array.from({ length }, (_, at) => Object.values(rates).reduce((sum, rate) => sum + rate[at]!, 0))),
  revisions: Object.entries(rates).map(([id, rate], index) => ({ revision: id, number: index + 1, ...series(rate) })),
});
const figures = (from: number, rates: Record<string, number[]>, length: number): Figures => ({
  endpoint: "e",
  since: new Date(from * 1000).toISOString(),
  until: new Date((from + 2 * length) * 1000).toISOString(),
  step_seconds: 2,
  times: Array.from({ length }, (_, at) => from + 2 * at),
  gateway: view(rates, length),
  replicas: view(rates, length),
});

describe("goOn", () => {
  it("joins where the first ends, with silence where a revision had no request", () => {
    const joined = goOn(figures(100, { a: [1, 2] }, 2), figures(104, { b: [5] }, 1), 300);
    expect(joined.times).toEqual([100, 102, 104]);
    expect(joined.gateway.total.requests_per_second).toEqual([1, 2, 5]);
    expect(joined.gateway.revisions.map(({ revision, requests_per_second, p50_ms }) => [revision, requests_per_second, p50_ms])).toEqual([
      ["a", [1, 2, 0], [1, 1, null]],
      ["b", [0, 0, 5], [null, null, 1]],
    ]);
    expect(joined.since).toBe(figures(100, {}, 0).since);
  });

  it("keeps no more than the window, each list cut alike", () => {
    const joined = goOn(figures(100, { a: [1, 2, 3] }, 3), figures(106, { a: [4] }, 1), 4);
    expect(joined.times).toEqual([104, 106]);
    expect(joined.replicas.revisions[0]!.requests_per_second).toEqual([3, 4]);
    expect(Date.parse(joined.since)).toBe(104_000);
  });

  it("begins anew where the parts do not meet, or their steps differ", () => {
    const later = figures(110, { a: [4] }, 1);
    expect(goOn(figures(100, { a: [1] }, 1), later, 300)).toBe(later);
    const coarse = { ...figures(102, { a: [4] }, 1), step_seconds: 10 };
    expect(goOn(figures(100, { a: [1] }, 1), coarse, 300)).toBe(coarse);
  });
});
