import { describe, expect, it } from "vitest";
import { isPlain, movedTo, NO_VIEW, sameView, viewSearch, widthsOf, widthTexts } from "./views";

describe("what a view keeps", () => {
  const search = { project: "risk", view: "v1", sort: "-metrics.auc", columns: ["state"], widths: ["180:params.lr"], pinned: "2", filter: "metrics.auc > 0.8" };

  it("is the table, not the project nor the name", () => {
    expect(viewSearch(search)).toEqual({ sort: "-metrics.auc", columns: ["state"], widths: ["180:params.lr"], pinned: "2", filter: "metrics.auc > 0.8" });
  });

  it("is the same whatever the order in which it was said", () => {
    expect(sameView({ sort: "a", where: ["x=1"] }, { where: ["x=1"], sort: "a" })).toBe(true);
    expect(sameView({ sort: "a" }, { sort: "a", pinned: "1" })).toBe(false);
    expect(sameView({ sort: "a", search: undefined }, { sort: "a" })).toBe(true);
  });

  it("gives way to the view that is shown first only where the address says nothing", () => {
    expect(isPlain({ project: "risk" })).toBe(true);
    expect(isPlain({ view: NO_VIEW })).toBe(false);
    expect(isPlain({ sort: "name" })).toBe(false);
  });
});

describe("columns", () => {
  it("keep their widths in the address", () => {
    const widths = new Map([["params.lr", 180], ['metrics."a:b"', 90]]);
    expect(widthsOf(widthTexts(widths))).toEqual(widths);
    expect(widthsOf(["wide:x", "5:x", "120:"])).toEqual(new Map());
  });

  it("go to the place of another", () => {
    expect(movedTo(["a", "b", "c"], "a", "c")).toEqual(["b", "c", "a"]);
    expect(movedTo(["a", "b", "c"], "c", "a")).toEqual(["c", "a", "b"]);
    expect(movedTo(["a", "b"], "x", "a")).toEqual(["a", "b"]);
  });
});
