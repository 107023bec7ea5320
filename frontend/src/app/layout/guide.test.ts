// @vitest-environment happy-dom
import { describe, expect, it } from "vitest";
import { router } from "../router";
import { FIRST, guidePath } from "./guide";

describe("guidePath", () => {
  it("leads to the page about what is shown, in the reader's language", () => {
    expect(guidePath("zh", "/dataset-versions/0191/clean")).toBe("/help/zh/datasets");
    expect(guidePath("en", "/")).toBe("/help/en/concepts");
    expect(guidePath("en")).toBe("/help/en/get-started");
    expect(guidePath("en", "/no/such/page")).toBe("/help/en/get-started");
  });

  it("knows a page for every section of the dashboard", () => {
    const sections = Object.keys(router.routesByPath);
    expect(sections.length).toBeGreaterThan(10);
    expect(sections.filter((path) => guidePath("en", path).endsWith(FIRST))).toEqual([]);
  });
});
