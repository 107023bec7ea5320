import { expect, test } from "vitest";
import { measureOf, orderOf, pairsOf, valueAt } from "./relations";

const relations = {
  columns: [
    { name: "a", kind: "number" as const },
    { name: "b", kind: "category" as const },
    { name: "c", kind: "time" as const },
  ],
  values: [
    [1, 0.2, -0.9],
    [0.2, 1, null],
    [-0.9, null, 1],
  ],
  ranks: [
    [1, null, -0.5],
    [null, null, null],
    [-0.5, null, 1],
  ],
  left_out: [],
  strong: [],
};

test("pairs are told once, the strongest first", () => {
  expect(pairsOf(relations, "values")).toEqual([
    { one: "a", other: "c", measure: "pearson", value: -0.9 },
    { one: "a", other: "b", measure: "correlation_ratio", value: 0.2 },
  ]);
});

test("by rank, what has no ranks shows what it shows otherwise", () => {
  expect([valueAt(relations, 0, 2, "ranks"), valueAt(relations, 0, 1, "ranks"), valueAt(relations, 1, 2, "ranks")]).toEqual([-0.5, 0.2, null]);
  expect(measureOf(relations, 0, 2, "ranks")).toBe("spearman");
});

test("what hangs together stands together", () => {
  expect(orderOf(relations)).toEqual([0, 2, 1]);
});
