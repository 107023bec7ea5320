import { describe, expect, it } from "vitest";
import { bandInto, curveOf, extendRange, firstFrom, nearest, oddOf, roomFor, smoothInto, thinInto } from "./curves";

const LOOK = { id: "a", label: "a", color: "red" };

function thinned(values: number[], columns: number): [number[], number[]] {
  const x = Float64Array.from(values, (_, index) => index);
  const outX = new Float64Array(roomFor(columns));
  const outY = new Float64Array(roomFor(columns));
  const count = thinInto(x, Float64Array.from(values), 0, values.length, columns, outX, outY);
  return [[...outX.subarray(0, count)], [...outY.subarray(0, count)]];
}

describe("thinInto", () => {
  it("keeps all that fits", () => {
    expect(thinned([3, 1, 2], 4)).toEqual([[0, 1, 2], [3, 1, 2]]);
  });

  it("keeps the least and the greatest of each column in their order, so no spike is lost", () => {
    const values = Array.from({ length: 100_000 }, (_, index) => Math.sin(index / 900));
    values[54_321] = 99;
    values[12_345] = -99;
    const [x, y] = thinned(values, 300);
    expect(y.length).toBeLessThanOrEqual(600);
    expect(x).toEqual([...x].sort((a, b) => a - b));
    expect(x[y.indexOf(99)]).toBe(54_321);
    expect(x[y.indexOf(-99)]).toBe(12_345);
  });

  it("leaves a gap where values are missing over columns", () => {
    const values = Array.from({ length: 1_000 }, (_, index) => (index >= 400 && index < 600 ? NaN : 1));
    const [x, y] = thinned(values, 10);
    const gaps = x.filter((_, index) => Number.isNaN(y[index]));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(400);
    expect(Math.max(...gaps)).toBeLessThan(600);
    expect(gaps.length).toBeGreaterThan(0);
    expect(y.filter((each) => each === 1).length).toBeGreaterThan(8);
  });
});

describe("smoothInto", () => {
  it("is not pulled towards zero at its beginning", () => {
    const out = new Float64Array(4);
    smoothInto(Float64Array.of(0, 1, 2, 3), Float64Array.of(5, 5, 5, 5), 4, 0.9, 1, out);
    for (const each of out) expect(each).toBeCloseTo(5, 12);
  });

  it("lets points that are close together count for less", () => {
    const far = new Float64Array(2);
    smoothInto(Float64Array.of(0, 1), Float64Array.of(0, 1), 2, 0.5, 1, far);
    expect(far[1]).toBeCloseTo(2 / 3, 12);
    const near = new Float64Array(2);
    smoothInto(Float64Array.of(0, 0.5), Float64Array.of(0, 1), 2, 0.5, 1, near);
    const mass = 0.5 * Math.SQRT1_2 + (1 - Math.SQRT1_2);
    expect(near[1]).toBeCloseTo((1 - Math.SQRT1_2) / mass, 12);
  });

  it("goes on after a gap", () => {
    const out = new Float64Array(3);
    smoothInto(Float64Array.of(0, 1, 2), Float64Array.of(4, NaN, 4), 3, 0.9, 1, out);
    expect([...out]).toEqual([expect.closeTo(4, 12), NaN, expect.closeTo(4, 12)]);
  });
});

describe("looking up", () => {
  const x = Float64Array.of(1, 3, 3, 7);

  it("finds the first that is far enough", () => {
    expect([0, 3, 4, 8].map((each) => firstFrom(x, 4, each))).toEqual([0, 1, 3, 4]);
  });

  it("finds the nearest point", () => {
    expect([-5, 2, 4, 6, 99].map((each) => nearest(x, 4, each))).toEqual([0, 0, 2, 3, 3]);
    expect(nearest(x, 0, 1)).toBe(-1);
  });
});

it("makes a curve of lists in order of x, null as a gap", () => {
  const curve = curveOf(LOOK, [3, 1, 2], [30, 10, null]);
  expect([...curve.x]).toEqual([1, 2, 3]);
  expect([...curve.y]).toEqual([10, NaN, 30]);
});

it("takes only positive values into a logarithmic range", () => {
  const range = { min: Infinity, max: -Infinity };
  extendRange(Float64Array.of(-1, 0, 0.5, Infinity, NaN, 8), 6, true, range);
  expect(range).toEqual({ min: 0.5, max: 8 });
});

describe("bands", () => {
  const room = (parts: number) => ({ x: new Float64Array(parts), low: new Float64Array(parts), high: new Float64Array(parts), mean: new Float64Array(parts) });

  it("have the least, the greatest and the mean of each part", () => {
    const out = room(8);
    const found = bandInto(Float64Array.of(0, 1, 2, 10, 11), Float64Array.of(1, 5, 3, NaN, 2), 5, 5, out);
    expect(found).toBe(2);
    expect([[...out.low], [...out.high], [...out.mean]].map((column) => column.slice(0, 2))).toEqual([[1, 2], [5, 2], [3, 2]]);
    expect([...out.x].slice(0, 2)).toEqual([1, 10.5]);
  });

  it("have gaps where there is nothing", () => {
    const out = room(4);
    expect(bandInto(Float64Array.of(0, 10), Float64Array.of(NaN, 1), 2, 5, out)).toBe(2);
    expect([out.low[0], out.mean[0], out.low[1]]).toEqual([NaN, NaN, 1]);
  });
});

describe("oddOf", () => {
  it("finds what has no place on any axis, one of a kind in a column", () => {
    const y = Float64Array.of(1, NaN, NaN, Infinity, -Infinity, 2, 3, 4, 5, NaN);
    const x = Float64Array.from(y, (_, at) => at);
    expect(oddOf(x, y, 0, 10, 100)).toEqual([
      { x: 1, kind: "nan" },
      { x: 2, kind: "nan" },
      { x: 3, kind: "up" },
      { x: 4, kind: "down" },
      { x: 9, kind: "nan" },
    ]);
    expect(oddOf(x, y, 0, 10, 3).filter(({ kind }) => kind === "nan")).toEqual([{ x: 1, kind: "nan" }, { x: 9, kind: "nan" }]);
    expect(oddOf(x, y, 5, 9, 100)).toEqual([]);
  });
});
