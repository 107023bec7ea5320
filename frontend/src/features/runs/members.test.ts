import { describe, expect, it } from "vitest";
import { together } from "./members";

const line = (x: number[], y: number[]) => ({ x: Float64Array.from(x), y: Float64Array.from(y), length: x.length });
const lists = (found: ReturnType<typeof together>) => ({ x: [...found.x], mean: [...found.y], low: [...found.low], high: [...found.high] });

describe("members laid together", () => {
  it("have their mean, least and greatest at each step", () => {
    expect(lists(together([line([1, 2, 3], [1, 2, 3]), line([1, 2, 3], [3, 4, 8])]))).toEqual({ x: [1, 2, 3], mean: [2, 3, 5.5], low: [1, 2, 3], high: [3, 4, 8] });
  });

  it("are where the line between their points is, where another has a point", () => {
    expect(lists(together([line([0, 10], [0, 10]), line([0, 5, 10], [4, 4, 4])]))).toEqual({ x: [0, 5, 10], mean: [2, 4.5, 7], low: [0, 4, 4], high: [4, 5, 10] });
  });

  it("have no say before they begin, after they end, and where they are no number", () => {
    const found = lists(together([line([1, 2, 3], [1, NaN, 3]), line([2, 3, 4], [5, 7, 9])]));
    expect(found).toEqual({ x: [1, 2, 3, 4], mean: [1, 5, 5, 9], low: [1, 5, 3, 9], high: [1, 5, 7, 9] });
    expect(lists(together([line([1], [Infinity])])).mean).toEqual([NaN]);
  });

  it("of very many places have as many as a chart can show, the ends among them", () => {
    const many = line(Array.from({ length: 20_000 }, (_, at) => at), Array.from({ length: 20_000 }, (_, at) => at));
    const found = together([many]);
    expect([found.length, found.x[0], found.x.at(-1), found.y.at(-1)]).toEqual([8_192, 0, 19_999, 19_999]);
  });

  it("are nothing of nobody", () => {
    expect(together([]).length).toBe(0);
  });
});
