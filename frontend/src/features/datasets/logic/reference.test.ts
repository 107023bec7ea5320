import { expect, it } from "vitest";
import { aliasEffect, aliasProblem, referenceOf } from "./reference";

it("names a version by its project, dataset and number or alias", () => {
  expect(referenceOf({ project_name: "risk", dataset_name: "loans" }, 3)).toBe("bedplate://risk/loans@3");
  expect(referenceOf({ project_name: "risk", dataset_name: "loans" }, "gold")).toBe("bedplate://risk/loans@gold");
});

it("refuses names that the server refuses", () => {
  expect(["gold", "q3_2026-final", "latest", "Gold", "3", "", "a".repeat(61)].map(aliasProblem)).toEqual([null, null, "latest", "form", "form", "form", "form"]);
});

it("tells what setting a name does", () => {
  const gold = { name: "gold", version: "v2" };
  expect(aliasEffect([gold], "gold", "v3")).toEqual({ kind: "moves", alias: gold });
  expect(aliasEffect([gold], "gold", "v2")).toEqual({ kind: "same", alias: gold });
  expect(aliasEffect([gold], "silver", "v2")).toEqual({ kind: "new" });
});
