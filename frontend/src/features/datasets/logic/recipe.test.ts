import { describe, expect, it } from "vitest";
import type { StepForm } from "../api";
import { added, columnsAt, duplicated, editedFrom, found, isUnsureAt, keyProblem, kindOf, moved, orderProblems, sameSteps, stepErrors, stepSaid, suggested } from "./recipe";

const form = (kind: string, flags: { fitted?: boolean; once?: boolean } = {}): StepForm =>
  ({
    kind,
    is_fitted: flags.fitted ?? false,
    is_once: flags.once ?? false,
    schema: { type: "object", required: ["kind"], properties: { kind: { const: kind }, factor: { type: "number", default: 1.5 } } },
  }) as unknown as StepForm;
const KINDS = new Map([form("split", { once: true }), form("outliers", { fitted: true }), form("drop_columns")].map((each) => [each.kind as string, each]));
const steps = (...kinds: string[]) => editedFrom(kinds.map((kind) => ({ kind })));
const kindsOf = (list: ReturnType<typeof steps>) => list.map(kindOf).join(" ");

it("adds a step with its defaults, under a key that nobody has", () => {
  const list = added(steps("split", "outliers"), form("outliers", { fitted: true }));
  expect(list.at(-1)).toEqual({ key: 2, value: { kind: "outliers", factor: 1.5 } });
  const fewer = list.filter(({ key }) => key !== 1);
  expect(added(fewer, form("drop_columns")).at(-1)?.key).toBe(3);
});

it("fills in what a finding suggests, and the column that it is about", () => {
  const whole = form("drop_duplicates");
  const column = { ...form("impute"), schema: { type: "object", properties: { kind: { const: "impute" }, columns: { type: "array", items: { type: "string" }, default: null } } } } as unknown as StepForm;
  expect(suggested(column, { kind: "impute" }, "age")).toEqual({ kind: "impute", columns: ["age"] });
  expect(suggested(column, { kind: "impute", columns: ["b"] }, "age")).toEqual({ kind: "impute", columns: ["b"] });
  expect(suggested(whole, { kind: "drop_duplicates" }, "age")).toEqual({ kind: "drop_duplicates", factor: 1.5 });
});

it("duplicates a step behind itself, as a thing of its own", () => {
  const list = duplicated(editedFrom([{ kind: "a", columns: ["x"] }, { kind: "b" }]), 0);
  expect(list.map(({ key }) => key)).toEqual([0, 2, 1]);
  (list[0]!.value.columns as string[]).push("y");
  expect(list[1]?.value.columns).toEqual(["x"]);
});

it("moves a step there and back, and no further than the ends", () => {
  const list = steps("a", "b", "c");
  expect(kindsOf(moved(list, 0, 2))).toBe("b c a");
  expect(kindsOf(moved(list, 2, 0))).toBe("c a b");
  expect(kindsOf(moved(list, 1, 99))).toBe("a c b");
  expect(kindsOf(moved(list, 7, 0))).toBe("a b c");
});

it("takes what stands once only once", () => {
  const list = steps("outliers", "split", "outliers", "split");
  expect([...orderProblems(list, KINDS)]).toEqual([[3, "once"]]);
});

it("finds kinds by words of either language, those in whose title they are first", () => {
  const named = (kind: string, title: string, zh: string, description: string): StepForm =>
    ({ kind, title, description, "x-zh-hans": { title: zh, description: "" } }) as unknown as StepForm;
  const forms = [named("impute", "Fill missing values", "填补缺失值", "By the median."), named("missing_values", "Recognise gaps", "识别缺失值", "Missing values."), named("split", "Split", "划分", "")];
  const kindsFound = (text: string): string[] => found(forms, text).map(({ kind }) => kind);
  expect(kindsFound("缺失")).toEqual(["impute", "missing_values"]);
  expect(kindsFound("Values MISSING")).toEqual(["impute", "missing_values"]);
  expect(kindsFound("missing_")).toEqual(["missing_values"]);
  expect(kindsFound("median")).toEqual(["impute"]);
  expect(kindsFound("")).toHaveLength(3);
  expect(kindsFound("nothing like it")).toEqual([]);
});

it("gives a step the errors that its fields do not show", () => {
  const errors = { "steps[1]": ["a"], "steps[1].kind": ["b"], "steps[1].factor": ["c"], "steps[1].columns[0]": ["d"], "steps[10].kind": ["e"], name: ["f"] };
  expect(stepErrors(errors, 1, ["factor", "columns"])).toEqual(["a", "b"]);
  expect(stepErrors(errors, 1, ["factor"])).toEqual(["a", "b", "d"]);
  expect(stepErrors(errors, 10, [])).toEqual(["e"]);
});

it("takes two recipes for the same whatever the order of their options, not of their steps", () => {
  expect(sameSteps([{ kind: "a", x: { p: 1, q: [1, 2] } }], [{ x: { q: [1, 2], p: 1 }, kind: "a" }])).toBe(true);
  expect(sameSteps([{ kind: "a" }, { kind: "b" }], [{ kind: "b" }, { kind: "a" }])).toBe(false);
  expect(sameSteps([{ x: [1, 2] }], [{ x: [2, 1] }])).toBe(false);
});

it("offers no column that a step before has dropped", () => {
  const list = editedFrom([{ kind: "drop_columns", columns: ["id"] }, { kind: "outliers" }]);
  const columns = [
    { name: "id", type: "int64" },
    { name: "age", type: "string" },
  ];
  expect(columnsAt(columns, list, 0)).toHaveLength(2);
  expect(columnsAt(columns, list, 1)).toEqual([{ name: "age", type: "string" }]);
});

it("offers the columns that a preview found, as far as it got", () => {
  const list = editedFrom([{ kind: "derive" }, { kind: "outliers" }, { kind: "outliers" }]);
  const after = [{ name: "age", type: "float64" }];
  const columns = [{ name: "id", type: "int64" }];
  expect(columnsAt(columns, list, 0, [after])).toEqual(columns);
  expect(columnsAt(columns, list, 1, [after])).toEqual(after);
  expect(columnsAt(columns, list, 2, [after])).toEqual(columns);
});

describe("a step that is folded, and its key", () => {
  const keyed = { kind: "pseudonymise", schema: { properties: { columns: { "x-input": "columns" }, secret: { "x-input": "secret" } } } } as unknown as StepForm;
  const step = (value: Record<string, unknown>) => ({ key: 0, value });

  it("is told by what it is about", () => {
    expect(stepSaid(step({ kind: "derive", name: "ratio", expression: "Debt / Income" }))).toBe("ratio = Debt / Income");
    expect(stepSaid(step({ kind: "filter_rows", expression: "Income > 0" }))).toBe("Income > 0");
    expect(stepSaid(step({ kind: "drop_columns", columns: ["a", "b"] }))).toBe("a, b");
    expect(stepSaid(step({ kind: "split" }))).toBe("");
  });

  it("lacks a key that was not chosen, or that the project has not; whose names may not be seen are not judged", () => {
    expect(keyProblem(step({}), keyed, ["salt"])).toEqual({ code: "none" });
    expect(keyProblem(step({ secret: "pepper" }), keyed, ["salt"])).toEqual({ code: "unknown", name: "pepper" });
    expect(keyProblem(step({ secret: "salt" }), keyed, ["salt"])).toBeNull();
    expect(keyProblem(step({ secret: "pepper" }), keyed, undefined)).toBeNull();
    expect(keyProblem(step({}), undefined, [])).toBeNull();
  });

  it("has columns that nobody knows where a preview has not got to the step before", () => {
    expect([isUnsureAt(0, []), isUnsureAt(1, []), isUnsureAt(1, [[]]), isUnsureAt(2, [[]])]).toEqual([false, true, false, true]);
  });
});
