import { describe, expect, it } from "vitest";
import type { Result } from "../quality";
import { shownState, tally, toneOf, typed, worstFirst } from "./expectation";

const COLUMNS = [
  { name: "age", type: "int64" },
  { name: "code", type: "string" },
  { name: "ok", type: "bool" },
  { name: "on", type: "date" },
];
const result = (expectation: string, outcome: Result["outcome"], severity: Result["severity"] = "block") => ({ expectation, outcome, severity }) as Result;

describe("typed", () => {
  it("makes numbers of what was typed for a column of numbers only", () => {
    expect(typed("between", { column: "age", minimum: "0", maximum: "1e2" }, COLUMNS)).toEqual({ column: "age", minimum: 0, maximum: 100 });
    expect(typed("in_set", { column: "code", values: ["1", "02"] }, COLUMNS)).toEqual({ column: "code", values: ["1", "02"] });
    expect(typed("between", { column: "on", minimum: "2026-01-31" }, COLUMNS)).toEqual({ column: "on", minimum: "2026-01-31" });
  });
  it("keeps what is none for the server to refuse", () => {
    expect(typed("between", { column: "age", minimum: "many" }, COLUMNS)).toEqual({ column: "age", minimum: "many" });
    expect(typed("in_set", { column: "ok", values: ["True", "no"] }, COLUMNS)).toEqual({ column: "ok", values: [true, "no"] });
  });
});

describe("results", () => {
  const all = [result("a", "passed"), result("b", "failed", "warn"), result("c", "error"), result("d", "skipped"), result("e", "failed")];
  it("are counted by what they mean", () => expect(tally(all)).toEqual({ passed: 2, warned: 1, blocked: 2 }));
  it("begin with what blocks", () => expect(worstFirst(all).map(({ expectation }) => expectation)).toEqual(["c", "e", "b", "a", "d"]));
  it("look as they are", () => expect(all.map(toneOf)).toEqual(["succeeded", "waiting", "failed", "cancelled", "failed"]));
});

describe("shownState", () => {
  const of = (state: "validating" | "published", ...codes: string[]) => shownState({ state, state_message: codes.map((code) => ({ code, params: {} })) as never });
  it("tells what is kept back from what is being checked", () => {
    expect([of("validating", "quality_failed"), of("validating", "quality_checked"), of("validating"), of("published", "quality_warned")]).toEqual(["blocked", "validating", "validating", "published"]);
  });
});
