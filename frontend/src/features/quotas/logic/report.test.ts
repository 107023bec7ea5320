import { expect, it } from "vitest";
import type { ReportLine } from "../api";
import { sortedLines, totalOf } from "./report";

const rows = [
  { project_name: "a", cost: "2.5", gpu_hours_requested: "1" },
  { project_name: "b", cost: "10.25", gpu_hours_requested: "0.5" },
] as ReportLine[];

it("puts rows in the order of a figure, as a number", () => {
  expect(sortedLines(rows, "cost").map(({ project_name }) => project_name)).toEqual(["b", "a"]);
  expect(sortedLines(rows, undefined)).toEqual(rows);
  expect(totalOf(rows, "cost")).toBe(12.75);
});
