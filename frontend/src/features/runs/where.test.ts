import { describe, expect, it } from "vitest";
import { conditionText, isRefused, operatorsOf, parseCondition, shortField, type Condition } from "./where";

const read = (text: string): Condition => {
  const found = parseCondition(text);
  if (isRefused(found)) throw new Error(`${text}: ${found.problem} at ${found.at}`);
  return found;
};

describe("conditions", () => {
  it.each([
    ["metrics.val_auc > 0.8", { field: "metrics.val_auc", operator: ">", value: "0.8" }],
    ["metrics.val_auc:max>=0.8", { field: "metrics.val_auc:max", operator: ">=", value: "0.8" }],
    ["  params.lr = 0.01 ", { field: "params.lr", operator: "=", value: "0.01" }],
    ['params."my key"!=x y', { field: 'params."my key"', operator: "!=", value: "x y" }],
    ["params.学习率=1", { field: "params.学习率", operator: "=", value: "1" }],
    ["name~risk", { field: "name", operator: "~", value: "risk" }],
    ["created_at>=2026-03-02", { field: "created_at", operator: ">=", value: "2026-03-02" }],
    ["params.note=null", { field: "params.note", operator: "=", value: "null" }],
    ["metrics.train/loss=null", { field: "metrics.train/loss", operator: "=", value: "null" }],
    ["duration_seconds<1e3", { field: "duration_seconds", operator: "<", value: "1e3" }],
  ])("reads %s", (text, wanted) => expect(read(text)).toEqual(wanted));

  it.each([
    ["", "field", 0],
    ["speed > 3", "field", 0],
    ["metrics.", "key", 8],
    ["params.lr", "operator", 9],
    ["params.lr is 3", "operator", 10],
    ["params.lr =", "value", 11],
    ["metrics.val_auc > high", "number", 18],
    ["metrics.val_auc ~ 1", "contains", 16],
    ["params.note > x", "order", 14],
    ["state > failed", "order", 6],
    ["created_at > yesterday", "time", 13],
    ["created_at > 2026-13-40", "time", 13],
    ['name = "risk', "quotes", 7],
  ])("says what is wrong with %s", (text, problem, at) => expect(parseCondition(text)).toEqual({ problem, at }));

  it("is written as the API takes it, and read again", () => {
    const text = conditionText(read('metrics."val auc":min   <= -1.5e-3'));
    expect(text).toBe('metrics."val auc":min<=-1.5e-3');
    expect(conditionText(read(text))).toBe(text);
  });

  it("offers only what makes sense of a field", () => {
    expect(operatorsOf("name")).toEqual(["=", "!=", "~"]);
    expect(operatorsOf("metrics.auc")).not.toContain("~");
    expect(operatorsOf("params.lr")).toContain("~");
    for (const field of ["name", "created_at", "goal", "params.lr", "metrics.auc"]) {
      const value = field === "created_at" ? "2026-03-02" : "1";
      for (const operator of operatorsOf(field)) expect(isRefused(parseCondition(`${field}${operator}${value}`))).toBe(false);
    }
  });

  it("names a field in short", () => {
    expect(shortField("metrics.val_auc:max")).toBe("val_auc:max");
    expect(shortField('params."my \\"key\\""')).toBe('my "key"');
    expect(shortField("state")).toBe("state");
  });
});
