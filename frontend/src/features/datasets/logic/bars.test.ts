import { expect, test } from "vitest";
import { barsOf, countTicks, heightOf, labelled, scaleOf } from "./bars";

test("bars keep the widths of their bins, and far values stand apart", () => {
  const bars = barsOf({ edges: [0, 10, 30], counts: [4, 2], below: 0, above: 3 }, 322, false);

  expect(bars.map(({ x, width, count }) => [x, width, count])).toEqual([
    [0, 100, 4],
    [100, 200, 2],
    [310, 12, 3],
  ]);
  expect(bars.at(-1)).toMatchObject({ from: 30, to: null });
});

test("on a scale by powers every bin is as wide as another", () => {
  const scale = scaleOf([1, 10, 100], 0, 200, true);

  expect([scale.at(1), scale.place(10), scale.place(1), scale.place(100)]).toEqual([100, 100, 0, 200]);
  expect(scale.place(Math.sqrt(10))).toBeCloseTo(50);
  expect(scale.place(101)).toBeNaN();
});

test("one value alone is one bar", () => {
  expect(barsOf({ edges: [3, 3], counts: [7], below: 0, above: 0 }, 100, false)).toEqual([{ from: 3, to: 3, count: 7, x: 0, width: 100 }]);
});

test("ticks are round and few", () => {
  expect(countTicks(0)).toEqual([0]);
  expect(countTicks(2)).toEqual([0, 1, 2]);
  expect(countTicks(1234)).toEqual([0, 500, 1000]);
});

test("a single row is seen on a logarithmic scale", () => {
  expect(heightOf(1, 1_000_000, true)).toBeGreaterThan(0.04);
  expect(heightOf(0, 10, true)).toBe(0);
  expect(heightOf(5, 10, false)).toBe(0.5);
});

test("labels keep to their room, the ends among them", () => {
  expect(labelled(3, 10)).toEqual([0, 1, 2]);
  expect(labelled(41, 4)).toEqual([0, 13, 27, 40]);
});
