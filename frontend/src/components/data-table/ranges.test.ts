import { describe, expect, it } from "vitest";
import { directionOf, nextSort, pagesOf, shiftOf, span, toggled } from "./ranges";

describe("orders", () => {
  it("tells how a column is sorted", () => {
    expect(directionOf("name", "name")).toBe("ascending");
    expect(directionOf("-name", "name")).toBe("descending");
    expect(directionOf("-name2", "name")).toBeUndefined();
    expect(directionOf(undefined, "name")).toBeUndefined();
  });

  it("goes up, down and back to none; figures down first", () => {
    expect(nextSort(undefined, "name", false)).toBe("name");
    expect(nextSort("name", "name", false)).toBe("-name");
    expect(nextSort("-name", "name", false)).toBeUndefined();
    expect(nextSort("name", "metrics.auc", true)).toBe("-metrics.auc");
    expect(nextSort("-metrics.auc", "metrics.auc", true)).toBe("metrics.auc");
    expect(nextSort("metrics.auc", "metrics.auc", true)).toBeUndefined();
  });
});

describe("pages", () => {
  it("covers what is looked at, both ends included", () => {
    expect(pagesOf(0, 99, 100, undefined)).toEqual([0]);
    expect(pagesOf(0, 100, 100, 10_000)).toEqual([0, 1]);
    expect(pagesOf(9_950, 10_020, 100, 10_000)).toEqual([99]);
  });

  it("asks for the first page of an empty table, and never for one behind the end", () => {
    expect(pagesOf(0, 50, 100, 0)).toEqual([0]);
    expect(pagesOf(500, 540, 100, 120)).toEqual([1]);
  });
});

describe("the place in a list", () => {
  const seen = ["c", "d", "e"].map((key, index) => ({ key, index: index + 2 }));
  const among = (keys: string[]) => (key: string) => (keys.includes(key) ? keys.indexOf(key) : undefined);

  it("moves with the rows when others come before them", () => {
    expect(shiftOf(seen, among(["new", "a", "b", "c", "d", "e"]))).toBe(1);
    expect(shiftOf(seen, among(["a", "b", "c", "d", "e"]))).toBe(0);
    expect(shiftOf(seen, among(["b", "c", "d", "e"]))).toBe(-1);
  });

  it("does not follow a row that went elsewhere, nor rows that are not known", () => {
    expect(shiftOf(seen, among(["a", "b", "d", "e", "f", "g", "h", "c"]))).toBe(-1);
    expect(shiftOf(seen, among(["x", "a", "b", "c", "d", "e"]))).toBe(1);
    expect(shiftOf(seen, () => undefined)).toBe(0);
  });
});

describe("selections", () => {
  it("turns one over", () => {
    expect([...toggled(new Set(["a"]), "b")]).toEqual(["a", "b"]);
    expect([...toggled(new Set(["a", "b"]), "a")]).toEqual(["b"]);
  });

  it("selects all between, also what was selected before", () => {
    expect([...toggled(new Set(["b"]), "c", ["a", "b", "c"])].sort()).toEqual(["a", "b", "c"]);
    expect(span(5, 3)).toEqual([3, 4, 5]);
  });
});
