import { describe, expect, it } from "vitest";
import type { ComparedRun } from "./compare";
import { axesOf, brushesOf, brushTexts, heldBy, mixed, movedBy, passes, shareOf } from "./parallel";

const run = (id: string, parameters: Record<string, unknown>, auc?: number): ComparedRun => ({
  id,
  parameters,
  summary: auc === undefined ? {} : { auc: { last: auc - 0.1, min: 0, max: auc } },
});
const RUNS = [run("a", { lr: 0.1, opt: "adam", model: { depth: 2 } }, 0.9), run("b", { lr: 0.3, opt: "sgd" }, 0.8), run("c", { lr: 0.2 })];
const MODES = new Map([["auc", "max"]] as const);
const AXES = axesOf(RUNS, ["params.lr", "params.opt", "metrics.auc", "params.none"], MODES, String);

describe("parallel coordinates", () => {
  it("has an axis for what some run has", () => {
    expect(AXES.map(({ field, title }) => [field, title])).toEqual([["params.lr", "lr"], ["params.opt", "opt"], ["metrics.auc", "auc"]]);
    expect(heldBy(RUNS[0]!, "params.model.depth", MODES)).toBe(2);
    expect(heldBy(RUNS[0]!, "metrics.auc", MODES)).toBe(0.9);
    expect(["0.01", "1e-3", "adam", "1.2.3"].map((lr) => heldBy(run("t", { lr }), "params.lr", MODES))).toEqual([0.01, 0.001, "adam", "1.2.3"]);
  });

  it("places values between low and high", () => {
    const [lr, opt] = AXES;
    expect(shareOf(lr!.axis, 0.2)).toBeCloseTo(0.5, 12);
    expect(shareOf(opt!.axis, "adam")).toBe(0.25);
    expect(shareOf(opt!.axis, undefined)).toBeUndefined();
  });

  it("lets through what passes all brushes; without a value nothing passes", () => {
    const through = (brushes: Map<string, readonly [number, number]>): string[] => RUNS.filter((each) => passes(each, AXES, brushes, MODES)).map(({ id }) => id);
    expect(through(new Map())).toEqual(["a", "b", "c"]);
    expect(through(new Map([["params.lr", [0.15, 0.3]]]))).toEqual(["b", "c"]);
    expect(through(new Map([["params.lr", [0, 1]], ["metrics.auc", [0.85, 1]]]))).toEqual(["a"]);
  });

  it("moves an axis, as far as there are places", () => {
    expect(movedBy(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
    expect(movedBy(["a", "b", "c"], "c", -2)).toEqual(["c", "a", "b"]);
    expect(movedBy(["a", "b", "c"], "c", 5)).toEqual(["a", "b", "c"]);
    expect(movedBy(["a"], "x", 1)).toEqual(["a"]);
  });

  it("keeps brushes in the address", () => {
    const brushes = new Map([['params."a:b"', [0.1, 0.5]], ["metrics.auc", [-1, 2]]] as const);
    expect(brushesOf(brushTexts(brushes))).toEqual(brushes);
    expect(brushesOf(["2:1:x", "no", "a:b:c", "1:2:"])).toEqual(new Map([["x", [1, 2]]]));
  });

  it("mixes colours of the theme", () => {
    expect(mixed(0.256)).toBe("color-mix(in oklch, var(--series-1) 26%, var(--series-0))");
  });
});
