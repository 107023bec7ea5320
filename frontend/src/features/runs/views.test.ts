import { describe, expect, it } from "vitest";
import { readViews, sameView, viewSearch, withoutView, withView, writeViews } from "./views";

function store(): Pick<Storage, "getItem" | "setItem"> {
  const held = new Map<string, string>();
  return { getItem: (key) => held.get(key) ?? null, setItem: (key, value) => void held.set(key, value) };
}

describe("views", () => {
  const best = { name: "Best", search: { sort: "-metrics.auc", where: ["metrics.auc>0.8"] } };

  it("keeps what the table shows, not where the reader is", () => {
    expect(viewSearch({ sort: "name", project: "p", view: "Best", state: undefined })).toEqual({ sort: "name" });
  });

  it("tells whether the page still shows the view", () => {
    expect(sameView(best.search, { where: ["metrics.auc>0.8"], sort: "-metrics.auc" })).toBe(true);
    expect(sameView(best.search, { ...best.search, state: ["failed"] })).toBe(false);
  });

  it("is kept per user, and replaced by its name", () => {
    const kept = store();
    writeViews("ann", withView(withView([], best), { name: "All", search: {} }), kept);
    expect(readViews("ann", kept).map(({ name }) => name)).toEqual(["Best", "All"]);
    expect(readViews("bob", kept)).toEqual([]);
    const changed = withView(readViews("ann", kept), { name: "Best", search: { sort: "name" } });
    expect(changed).toEqual([{ name: "Best", search: { sort: "name" } }, { name: "All", search: {} }]);
    expect(withoutView(changed, "Best")).toEqual([{ name: "All", search: {} }]);
  });

  it("leaves out what it does not understand", () => {
    const kept = store();
    kept.setItem("bedplate-run-views-ann", JSON.stringify([best, { name: "", search: {} }, { name: "x", search: { state: "failed" } }, 3]));
    expect(readViews("ann", kept)).toEqual([best]);
    kept.setItem("bedplate-run-views-ann", "{");
    expect(readViews("ann", kept)).toEqual([]);
  });

  it("says when a browser has no room", () => {
    const full = { setItem: () => { throw new Error("full"); } };
    expect(writeViews("ann", [best], full)).toBe(false);
  });
});
