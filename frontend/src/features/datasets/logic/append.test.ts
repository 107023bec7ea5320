import { expect, it } from "vitest";
import type { Version } from "../api";
import { appendable, baseIn, named } from "./append";

const version = (id: string, more: Partial<Version> = {}): Version => ({ id, state: "published", splits: {}, data_tombstoned_at: null, data_deleted_at: null, ...more }) as Version;

it("offers what is published, whole and there", () => {
  const all = [version("a"), version("split", { splits: { train: 1 } }), version("old", { state: "deprecated" }), version("gone", { data_tombstoned_at: "2026-01-01" }), version("b")];
  expect(appendable(all).map(({ id }) => id)).toEqual(["a", "b"]);
});

it("forgets a base once files go elsewhere", () => {
  expect([baseIn({ dataset: "d", version: "v" }, "d"), baseIn({ dataset: "d", version: "v" }, "e"), baseIn(null, "d"), baseIn({ dataset: "d", version: "v" }, null)]).toEqual(["v", null, null, null]);
});

it("names the first columns and counts the others", () => {
  const columns = ["a", "b", "c"].map((name) => ({ name }));
  expect(named(columns, 2)).toEqual({ names: "a, b", more: 1 });
  expect(named(columns)).toEqual({ names: "a, b, c", more: 0 });
});
