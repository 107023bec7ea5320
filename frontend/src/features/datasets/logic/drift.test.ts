import { expect, test } from "vitest";
import type { ColumnDrift, Drift } from "../api";
import { along, farthest, outline, shares } from "./drift";

const column = (name: string, level: ColumnDrift["level"], psi: number | null, missing = 0): ColumnDrift => ({
  name,
  type: "float64",
  compared_by: "value",
  level,
  psi,
  p_value: 0,
  missing: { reference: 0, current: 0, psi: missing, p_value: 0 },
  ks: null,
  categories: null,
  bins: null,
  overlay: null,
});

test("what shifted most comes first, be it in missing values", () => {
  const found = farthest([column("a", "none", 0.9), column("b", "large", 0.3), column("c", "small", 0.2), column("d", "large", null, 0.8)]);

  expect(found.map(({ name }) => name)).toEqual(["d", "b", "c", "a"]);
});

test("shares of nothing are none", () => {
  expect(shares([1, 3])).toEqual([0.25, 0.75]);
  expect(shares([0, 0])).toEqual([0, 0]);
});

test("an outline goes up and down at each edge", () => {
  expect(outline([1, 0.5], 1, 10, 4)).toBe("M0 4 V0.00 H5.00 V2.00 H10.00 V4");
});

test("a meter ends at twice what is large", () => {
  const method = { psi_large: 0.25 } as Drift["method"];

  expect([along(0, method), along(0.25, method), along(9, method)]).toEqual([0, 0.5, 1]);
});
