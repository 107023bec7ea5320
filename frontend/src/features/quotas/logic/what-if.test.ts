import { describe, expect, it } from "vitest";
import { answers, changesOf, deltaOf, freshChange, isWhole, KINDS, type Change } from "./what-if";

describe("changes of an address", () => {
  it("keeps what can be one, and nothing else", () => {
    const quota = { kind: "quota", queue: "q", resource: "gpus", flavor: "", nominal: 4, borrowing_limit: null };
    expect(changesOf([quota, { kind: "magic" }, 7, null, { kind: "weight", weight: "heavy", other: 1 }])).toEqual([quota, { kind: "weight" }]);
    expect(changesOf("quota")).toBeUndefined();
    expect(changesOf([])).toBeUndefined();
    expect(changesOf([{ kind: "quota", nominal: -1, resource: "water" }])).toEqual([{ kind: "quota" }]);
  });
});

describe("a change", () => {
  it("is not whole as it begins", () => {
    expect(KINDS.map((kind) => isWhole(freshChange(kind)))).toEqual(KINDS.map(() => false));
  });
  it("names a queue or a cohort, and lends no more than it has", () => {
    const quota: Change = { kind: "quota", queue: "q", resource: "gpus", nominal: 4 };
    expect(isWhole(quota)).toBe(true);
    expect(isWhole({ ...quota, cohort: "c" })).toBe(false);
    expect(isWhole({ ...quota, lending_limit: 5 })).toBe(false);
    expect(isWhole({ ...quota, nominal: null })).toBe(true);
    expect(isWhole({ kind: "remove_nodes", nodes: ["n"] })).toBe(true);
    expect(isWhole({ kind: "priority", workload: "w", priority: -5 })).toBe(true);
    expect(isWhole({ kind: "add_nodes", like: "n", count: 2 })).toBe(true);
  });
});

describe("an answer", () => {
  const changes: Change[] = [{ kind: "weight", queue: "q", weight: 2 }];
  const asked = { pool: "p", basis: "now" as const, hours: 0, changes };
  it("is to the question with the same changes, however they are written", () => {
    expect(answers({ ...asked, changes: [{ weight: 2, kind: "weight", queue: "q" }] }, asked)).toBe(true);
    expect(answers({ ...asked, changes: [{ weight: 3, kind: "weight", queue: "q" }] }, asked)).toBe(false);
    expect(answers({ ...asked, changes: [] }, asked)).toBe(false);
    expect(answers({ ...asked, hours: 6 }, asked)).toBe(false);
  });
});

describe("a difference", () => {
  it("is better or worse by what is wanted of the figure", () => {
    expect(deltaOf(600, 60, "less")).toEqual({ verdict: "better", by: 540, more: false });
    expect(deltaOf(0.5, 0.25, "more")).toEqual({ verdict: "worse", by: 0.25, more: false });
    expect(deltaOf(10, 10.4, "less", 0.5)).toEqual({ verdict: "same", by: 0, more: true });
    expect(deltaOf(0.1, 0.3, "none")).toMatchObject({ verdict: "same", more: true });
  });
});
