import { describe, expect, it } from "vitest";
import { bodyOfBudget, datedRates, draftOfBudget, freshBudget, ownerOfBudget, problemsOf, type Budget, type Rate } from "./budget";

const whole = { ...freshBudget("project:p"), name: "vision", amount: 100 };

describe("a budget's form", () => {
  it("says what is missing", () => {
    expect(problemsOf(freshBudget(null))).toEqual(["owner", "name", "amount"]);
    expect(problemsOf(whole)).toEqual([]);
    expect(problemsOf({ ...whole, name: "two words" })).toEqual(["name"]);
    expect(problemsOf({ ...whole, period: "fixed" })).toEqual(["dates"]);
    expect(problemsOf({ ...whole, period: "fixed", starts_on: "2026-03-02", ends_on: "2026-03-01" })).toEqual(["order"]);
  });
  it("takes each share once, above nothing", () => {
    const warn = (percent: number | string) => ({ percent, action: "warn" as const });
    for (const thresholds of [[], [warn(80), warn(80)], [warn(0)], [warn("")], [warn(1001)]]) expect(problemsOf({ ...whole, thresholds })).toEqual(["thresholds"]);
  });
  it("sends shares as ratios, the smallest first", () => {
    const body = bodyOfBudget({ ...whole, thresholds: [{ percent: 100, action: "block" }, { percent: 62.5, action: "require_approval" }] });
    expect(body.thresholds).toEqual([{ ratio: "0.625", action: "require_approval" }, { ratio: "1", action: "block" }]);
    expect([body.amount, body.starts_on]).toEqual(["100", null]);
    expect(ownerOfBudget("team:t")).toEqual({ team: "t" });
  });
  it("begins with what is set", () => {
    const budget = { scope: "team", team: "t", name: "b", unit: "money", amount: "12.5000", period: "quarter", starts_on: null, ends_on: null, thresholds: [{ ratio: "0.8000", action: "warn" }] } as unknown as Budget;
    expect(draftOfBudget(budget)).toMatchObject({ owner: "team:t", amount: 12.5, starts_on: "", thresholds: [{ percent: 80, action: "warn" }] });
  });
});

describe("rates", () => {
  it("hold until the next of the same kind", () => {
    const rate = (id: string, valid_from: string, flavor = "H200") => ({ id, valid_from, flavor, resource: "gpus" }) as Rate;
    const rows = [rate("a", "2026-01-01T00:00:00Z"), rate("c", "2026-05-01T00:00:00Z"), rate("b", "2026-02-01T00:00:00Z"), rate("x", "2026-01-01T00:00:00Z", "A100")];
    const found = datedRates(rows, Date.parse("2026-03-01T00:00:00Z"));
    expect(found.map(({ rate: { id }, until, holds }) => [id, until, holds])).toEqual([
      ["c", null, "later"],
      ["b", "2026-05-01T00:00:00Z", "now"],
      ["a", "2026-02-01T00:00:00Z", "before"],
      ["x", null, "now"],
    ]);
  });
});
