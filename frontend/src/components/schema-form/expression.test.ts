import i18n, { type TFunction } from "i18next";
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import en from "@/locale/form.en.json";
import zh from "@/locale/form.zh.json";
import { askedColumns, inserted, isUnfinished, offered, partsOf, problemSaid, signature, spelled, type ExpressionFunction } from "./expression";

const say = (language: string): TFunction<"form"> => i18n.getFixedT(language, "form");
const call = (name: string, parameters: string[], more: Partial<ExpressionFunction> = {}): ExpressionFunction => ({
  name, parameters, optional: 0, is_repeated: false, result: "string", example: "", description: "", "x-zh-hans": { title: name, description: "" }, ...more,
});

beforeAll(async () => {
  await i18n.init({ lng: "en", resources: { en: { form: en }, zh: { form: zh } }, interpolation: { escapeValue: false } });
});

describe("what is asked and written", () => {
  it("spells names as the grammar reads them", () => {
    expect(["income", "收入", "net income", "in", "2nd", "a`b"].map(spelled)).toEqual(["income", "收入", "`net income`", "`in`", "`2nd`", "`a``b`"]);
  });

  it("keeps the columns that the text names, of very many", () => {
    const many = Array.from({ length: 6_000 }, (_, at) => ({ name: `c${at}_`, type: at ? "int64" : "decimal" }));
    const asked = askedColumns(many, "c5999_ > 1");
    expect(asked).toHaveLength(5_000);
    expect(asked[0]).toEqual({ name: "c5999_", type: "int64" });
    expect(askedColumns(many.slice(0, 1), "")).toEqual([{ name: "c0_", type: "unknown" }]);
  });

  it("puts a column where the caret stands, apart from the words beside it", () => {
    expect(inserted("income >", 8, 8, { column: "debt" })).toEqual({ text: "income >debt", caret: 12 });
    expect(inserted("not x", 3, 3, { column: "net debt" })).toEqual({ text: "not `net debt` x", caret: 14 });
    expect(inserted("a + bad", 4, 7, { column: "good" })).toEqual({ text: "a + good", caret: 8 });
  });

  it("calls a function on what is selected, else with the caret between its brackets", () => {
    expect(inserted("city = ''", 0, 4, { function: "lower", takes: true })).toEqual({ text: "lower(city) = ''", caret: 11 });
    expect(inserted("", 0, 0, { function: "lower", takes: true })).toEqual({ text: "lower()", caret: 6 });
  });

  it("finds columns by name, and functions also by what they do", () => {
    const functions = [call("abs", ["number"], { description: "Without its sign.", "x-zh-hans": { title: "abs", description: "绝对值。" } }), call("length", ["string"])];
    const columns = [{ name: "net_length" }, { name: "length" }, { name: "age" }];
    expect(offered(columns, functions, "len").columns.map(({ name }) => name)).toEqual(["length", "net_length"]);
    expect(offered(columns, functions, "绝对").functions.map(({ name }) => name)).toEqual(["abs"]);
    expect(offered(columns, functions, " ").columns).toHaveLength(3);
  });

  it("writes down how a function is called", () => {
    expect(signature(call("round", ["number", "written int64"], { optional: 1 }))).toBe("round(number[, int64])");
    expect(signature(call("coalesce", ["any", "any"], { is_repeated: true }))).toBe("coalesce(any, any, …)");
  });
});

describe("what is wrong", () => {
  it("marks places counted in code points", () => {
    expect(partsOf("'👍' + dept", { position: 6, end: 10 })).toEqual(["'👍' + ", "dept", ""]);
    expect(isUnfinished("a > ", { position: 4 })).toBe(true);
    expect(isUnfinished("a > b", { position: 4 })).toBe(false);
  });

  it("is said in both languages", () => {
    const problem = { code: "unknown_column", params: { column: "'dept'", hint: " Did you mean 'Debt' or 'depth'?" } };
    expect(problemSaid(say("en"), problem)).toBe("There is no column 'dept'. Did you mean 'Debt' or 'depth'?");
    expect(problemSaid(say("zh"), problem)).toBe("没有列 'dept'。是否想写 'Debt' 或 'depth'？");
    const type = { code: "wrong_type", params: { what: "`number`", expected: "text or true or false or a whole number", found: "a date" } };
    expect(problemSaid(say("zh"), { ...type, params: { ...type.params, expected: "a number" } })).toBe("`number` 需要数字，而这里是日期。");
    expect(problemSaid(say("zh"), { code: "wrong_arguments", params: { function: "`if`", expected: "3 values", count: 2 } })).toBe("`if` 需要 3 个值，而不是 2 个。");
  });

  it("is left to the API's words where a phrase or a code is new", () => {
    expect(problemSaid(say("zh"), { code: "wrong_pattern", params: { problem: "a class is empty", place: 3 } })).toBeNull();
    expect(problemSaid(say("zh"), { code: "expected", params: { expected: "a fresh phrase", text: "the end" } })).toBeNull();
  });

  it("knows every code that the API has, but for patterns, whose problems are in English", () => {
    const source = readFileSync("../workers/contracts/expressions/errors.py", "utf8");
    const codes = [...source.matchAll(/^ {4}"([a-z_]+)": "/gm)].map(([, code]) => code ?? "");
    expect(codes.length).toBeGreaterThan(15);
    expect(codes.filter((code) => !(code in zh.expression.problem))).toEqual(["wrong_pattern"]);
  });
});
