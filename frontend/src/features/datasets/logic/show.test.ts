import { expect, it } from "vitest";
import type { ColumnProfile } from "../api";
import { cell, edgeFormat, figure, others, placeOf, quantilesOf, splitsOf, told } from "./show";

it("shows cells unrounded, times readable, and leaves what is missing to the page", () => {
  expect(cell(0.1 + 0.2, "float64")).toBe("0.30000000000000004");
  expect(cell("2025-01-01T00:01:37Z", "timestamp")).toBe("2025-01-01 00:01:37");
  expect(cell("2025-01-01T00:01:37.250000+00:00", "timestamp")).toBe("2025-01-01 00:01:37");
  expect(cell(false, "bool")).toBe("false");
  expect(cell("", "string")).toBe("");
  expect(cell(null, "string")).toBeNull();
});

it("rounds figures, and cuts long texts", () => {
  expect(figure(141.687699484, "float64")).toBe("141.69");
  expect(figure("x".repeat(60), "string")).toHaveLength(40);
  expect(figure(null, "float64")).toBe("–");
});

it("reads edges of dates as days, and of a short time with the hour", () => {
  const day = Date.UTC(2025, 0, 1) / 1_000;
  expect(edgeFormat("date", [day, day + 1])(day)).toBe("1 Jan 2025");
  expect(edgeFormat("timestamp", [day, day + 3_600])(day)).toContain("00:00");
  expect(edgeFormat("timestamp", [day, day + 86_400 * 30])(day)).not.toContain("00:00");
  expect(edgeFormat("float64", [0, 1])(0.123456)).toBe("0.1235");
});

it("counts what is beyond the most frequent values, and orders quantiles", () => {
  const column = { null_count: 10, top_values: [{ value: "a", count: 50 }, { value: "b", count: 5 }], quantiles: { "0.5": 2, "0.01": 1 } } as unknown as ColumnProfile;
  expect(others(column, 100)).toBe(35);
  expect(quantilesOf(column)).toEqual([
    ["0.01", 1],
    ["0.5", 2],
  ]);
});

it("puts the training part first, and unknown parts last", () => {
  expect(splitsOf({ test: 2, other: 1, train: 7 }).map(([name]) => name)).toEqual(["train", "test", "other"]);
});

it("writes options as words", () => {
  expect(told(["", "NA"], "(empty)")).toBe("(empty) · NA");
  expect(told({ bad: 1, good: 0 }, "(empty)")).toBe("bad → 1 · good → 0");
  expect([told(0.2, ""), told(true, ""), told("mean", "")]).toEqual(["0.2", "true", "mean"]);
});

it("finds the place in a refusal", () => {
  expect(placeOf("credit.csv, line 12, column 'Age': not a number")).toEqual({ line: "12", column: "Age" });
  expect(placeOf("a quote is opened on line 4 and never closed")).toEqual({ line: "4", column: null });
  expect(placeOf("the file has no row")).toBeNull();
});
