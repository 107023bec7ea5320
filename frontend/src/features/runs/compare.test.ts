import { describe, expect, it } from "vitest";
import { axisOf, bestPlaces, commonKeys, factRows, flattened, metricRows, metricValue, parameterRows, type ComparedRun } from "./compare";

const metric = (last: number, min = last, max = last) => ({ last, min, max });
const run = (id: string, parameters: Record<string, unknown>, summary: ComparedRun["summary"] = {}): ComparedRun => ({ id, parameters, summary });
const words = String;

describe("parameters", () => {
  const rows = parameterRows([
    run("a", { lr: 0.1, model: { hidden: [64], act: "relu" }, seed: 1 }),
    run("b", { lr: 0.1, model: { act: "relu", hidden: [32] }, note: null }),
  ]);
  const differing = rows.filter(({ differs }) => differs).map(({ key }) => key);

  it("compares leaf by leaf; what one of them lacks differs", () => {
    expect(rows.map(({ key }) => key)).toEqual(["lr", "model.act", "model.hidden", "note", "seed"]);
    expect(differing).toEqual(["model.hidden", "note", "seed"]);
    expect(rows.at(-1)?.values).toEqual([1, undefined]);
  });

  it("takes the order of names for nothing, and 1 and \"1\" for two things", () => {
    const inList = parameterRows([run("a", { x: [{ p: 1, q: 2 }], n: 1 }), run("b", { x: [{ q: 2, p: 1 }], n: "1" })]);
    expect(inList.map(({ key, differs }) => [key, differs])).toEqual([["n", true], ["x", false]]);
    expect([...flattened({ empty: {} })]).toEqual([["empty", {}]]);
  });
});

describe("metrics", () => {
  const runs = [run("a", {}, { auc: metric(0.7, 0.5, 0.9), loss: metric(0.3) }), run("b", {}, { auc: metric(0.8, 0.5, 0.8), loss: metric(0.4) })];
  const modes = new Map([["auc", "max"], ["loss", "min"]] as const);
  const bests = (part: "last" | "best") => metricRows(runs, part, modes).map(({ key, best }) => [key, [...best]]);

  it("marks the best by the metric's own way", () => {
    expect(bests("last")).toEqual([["auc", [1]], ["loss", [0]]]);
    expect(bests("best")).toEqual([["auc", [0]], ["loss", [0]]]);
  });

  it("marks nothing where nothing is better, or the way is not known", () => {
    expect(metricRows([runs[0]!, runs[0]!], "last", modes).every(({ best }) => best.size === 0)).toBe(true);
    expect(metricRows(runs, "last", new Map()).every(({ best }) => best.size === 0)).toBe(true);
  });

  it("puts what most runs have first", () => {
    expect(commonKeys([...runs, run("c", {}, { loss: metric(1), a: metric(1) })])).toEqual(["loss", "auc", "a"]);
  });
});

describe("axes", () => {
  it("has round ticks within a little more than the numbers", () => {
    const axis = axisOf([0.1, 0.9], words)!;
    expect(axis.low).toBeLessThan(0.1);
    expect(axis.ticks.map(({ at }) => at)).toEqual([0.2, 0.4, 0.6, 0.8]);
    expect(axis.place(0.5)).toBe(0.5);
    expect(axis.place("x")).toBeUndefined();
  });

  it("has room around a single number", () => {
    const axis = axisOf([5], words)!;
    expect(axis.low).toBeLessThan(5);
    expect(axis.high).toBeGreaterThan(5);
  });

  it("gives each word its step", () => {
    const axis = axisOf(["sgd", "adam", "sgd", undefined], words)!;
    expect(axis.ticks.map(({ label }) => label)).toEqual(["adam", "sgd"]);
    expect(axis.place("sgd")).toBe(1);
    expect(axis.place(undefined)).toBeUndefined();
  });

  it("is none where nobody has a value", () => expect(axisOf([undefined, null], words)).toBeUndefined());
});

describe("facts", () => {
  it("leaves out what nobody has, and marks what differs", () => {
    const rows = factRows([{ python: "3.11", gpu: "", commit: "a" }, { python: "3.11", gpu: null, commit: "b", host: "n1" }]);
    expect(rows.map(({ key, values, differs }) => [key, values, differs])).toEqual([
      ["python", ["3.11", "3.11"], false],
      ["commit", ["a", "b"], true],
      ["host", [undefined, "n1"], true],
    ]);
  });

  it("reads numbers that JSON has no word for; NaN is never the best", () => {
    const of = (last: "NaN" | "Infinity" | null): ComparedRun => run("x", {}, { loss: { last, min: null, max: null } });
    expect([of("NaN"), of("Infinity"), of(null)].map((each) => metricValue(each, "loss", "last", new Map()))).toEqual([NaN, Infinity, undefined]);
    expect([...bestPlaces([NaN, 2, 1], "min")]).toEqual([2]);
  });

  it("finds the best, if there is one", () => {
    expect([...bestPlaces([0.1, undefined, 0.3], "max")]).toEqual([2]);
    expect([...bestPlaces([0.1, 0.1], "max"), ...bestPlaces([1, 2], undefined)]).toEqual([]);
  });
});
