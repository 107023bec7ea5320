import { describe, expect, it } from "vitest";
import { curveOf } from "@/lib/curves";
import { Line } from "./plot-lines";

const LOOK = { id: "a", label: "a", color: "red" };
const TAKING = { columns: 10, smoothing: 0, logX: false, band: false };

describe("a line with a band of its own", () => {
  const curve = curveOf(LOOK, [0, 1, 2, 3], [5, 5, 5, 5]);
  curve.low = Float64Array.of(1, 2, NaN, 4);
  curve.high = Float64Array.of(9, 8, NaN, 6);

  it("takes it as it is, and the axis has room for it", () => {
    const line = new Line();
    line.take(curve, 0, 3, TAKING);
    expect([line.parts, [...line.band.low.subarray(0, 4)], [...line.band.mean.subarray(0, 4)]]).toEqual([4, [1, 2, NaN, 4], [5, 5, 5, 5]]);
    const range = { min: Infinity, max: -Infinity };
    line.range(false, range);
    expect(range).toEqual({ min: 1, max: 9 });
  });

  it("keeps the ends of many points in few parts", () => {
    const many = curveOf(LOOK, Array.from({ length: 1_000 }, (_, at) => at), Array.from({ length: 1_000 }, () => 0));
    many.low = Float64Array.from({ length: 1_000 }, (_, at) => (at === 333 ? -7 : -1));
    many.high = Float64Array.from({ length: 1_000 }, (_, at) => (at === 777 ? 7 : 1));
    const line = new Line();
    line.take(many, 0, 999, TAKING);
    expect(line.parts).toBeLessThanOrEqual(10);
    expect([Math.min(...line.band.low.subarray(0, line.parts)), Math.max(...line.band.high.subarray(0, line.parts))]).toEqual([-7, 7]);
  });
});

describe("values without a place", () => {
  it("are marked where they are; of curves that have none nothing is looked for", () => {
    const line = new Line();
    line.take(curveOf(LOOK, [0, 1, 2], [1, null, 3]), 0, 2, TAKING);
    expect(line.odd).toEqual([{ x: 1, kind: "nan" }]);
    line.take({ ...curveOf(LOOK, [0, 1, 2], [1, null, 3]), odd: 0 }, 0, 2, TAKING);
    expect(line.odd).toEqual([]);
  });

  it("of 0 or less are known to have none on a logarithmic axis", () => {
    const line = new Line();
    line.take(curveOf(LOOK, [0, 1], [1, 0]), 0, 1, TAKING);
    expect(line.isBelow).toBe(true);
    line.take(curveOf(LOOK, [0, 1], [1, -Infinity]), 0, 1, TAKING);
    expect(line.isBelow).toBe(false);
  });
});
