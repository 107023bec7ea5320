import { describe, expect, it } from "vitest";
import { problemsOf } from "./problems";
import { initialForm, initialOf, shapeOf, withProperty, wordsOf, type JsonSchema } from "./schema";

const kind = (schema: JsonSchema, root = schema) => {
  const found = shapeOf(schema, root);
  return [found.kind, found.nullable];
};
const UNION: JsonSchema = {
  oneOf: [
    { title: "Slow", properties: { kind: { const: "slow" }, seconds: { type: "number", default: 5 } }, required: ["kind", "seconds"] },
    { title: "Quick", properties: { kind: { const: "quick" } }, required: ["kind"] },
  ],
};

describe("shapeOf", () => {
  it("tells the input by type, with null beside it or not", () => {
    expect(kind({ type: "integer" })).toEqual(["integer", false]);
    expect(kind({ type: ["array", "null"], items: { type: "string" } })).toEqual(["list", true]);
    expect(kind({ anyOf: [{ type: "number" }, { type: "null" }] })).toEqual(["number", true]);
    expect(kind({ type: ["string", "null"], enum: ["csv", "tsv", null] })).toEqual(["choice", true]);
    expect(kind({ oneOf: [{ const: 1, title: "One" }, { const: 2 }] })).toEqual(["choice", false]);
    expect(kind({ type: "object", additionalProperties: { type: "integer" } })).toEqual(["map", false]);
    expect(kind({ oneOf: [{ type: "string" }, { type: "number" }] })).toEqual(["any", false]);
    expect(kind({})).toEqual(["any", false]);
  });

  it("follows references and keeps what stands beside them", () => {
    const root: JsonSchema = { $defs: { Rate: { type: "number", title: "Rate", minimum: 0 } }, properties: { lr: { $ref: "#/$defs/Rate", title: "Learning rate" } } };
    const found = shapeOf(root.properties?.lr ?? {}, root);
    expect([found.kind, found.schema.title, found.schema.minimum]).toEqual(["number", "Learning rate", 0]);
    expect(() => shapeOf({ $ref: "#/$defs/Gone" }, root)).toThrow("#/$defs/Gone");
  });

  it("tells branches apart by the property that is constant in each", () => {
    const found = shapeOf(UNION, UNION);
    expect([found.kind, found.tag, found.branches.map((branch) => branch.value)]).toEqual(["union", "kind", ["slow", "quick"]]);
  });
});

describe("initialForm", () => {
  it("takes defaults and what must be there, and copies them", () => {
    const schema: JsonSchema = {
      type: "object",
      required: ["kind", "columns", "flag", "name"],
      properties: {
        kind: { const: "split" },
        ratio: { type: "number", default: 0.2 },
        markers: { type: "array", default: ["", "NA"] },
        columns: { type: ["array", "null"] },
        flag: { type: "boolean" },
        name: { type: "string" },
        note: { type: "string" },
      },
    };
    const made = initialForm(schema);
    expect(made).toEqual({ kind: "split", ratio: 0.2, markers: ["", "NA"], columns: null, flag: false });
    (made.markers as string[]).push("x");
    expect(initialForm(schema).markers).toEqual(["", "NA"]);
  });

  it("begins a union with its first branch", () => {
    expect(initialOf(UNION, UNION)).toEqual({ kind: "slow", seconds: 5 });
  });
});

describe("problemsOf", () => {
  const schema: JsonSchema = {
    type: "object",
    required: ["name"],
    properties: {
      name: { type: "string", minLength: 1 },
      ratio: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1 },
      seed: { type: "integer", minimum: 0 },
      columns: { type: ["array", "null"], items: { type: "string", minLength: 1 }, minItems: 1, uniqueItems: true },
      mapping: { type: "object", additionalProperties: { type: "integer", minimum: 0 }, minProperties: 1 },
      wait: UNION,
    },
  };

  it("finds nothing in what is right, and lets lack what may lack", () => {
    expect(problemsOf(schema, { name: "a", ratio: 0.2, seed: 0, columns: null, mapping: { good: 0 }, wait: { kind: "quick" } })).toEqual({});
    expect(problemsOf(schema, { name: "a" })).toEqual({});
  });

  it("names each place as the server does", () => {
    const found = problemsOf(schema, { ratio: 1, seed: 1.5, columns: ["a", "a"], mapping: { good: -1 }, wait: { kind: "slow" } }, "steps[2]");
    expect(found).toEqual({
      "steps[2].name": { code: "required" },
      "steps[2].ratio": { code: "below", limit: 1 },
      "steps[2].seed": { code: "whole" },
      "steps[2].columns": { code: "twice" },
      "steps[2].mapping.good": { code: "atLeast", limit: 0 },
      "steps[2].wait.seconds": { code: "required" },
    });
  });

  it("asks for what is empty", () => {
    expect(problemsOf(schema, { name: "", columns: [], mapping: {} })).toEqual({
      name: { code: "required" },
      columns: { code: "required" },
      mapping: { code: "required" },
    });
  });
});

describe("wordsOf", () => {
  it("speaks the reader's language, else English, else the name", () => {
    const schema: JsonSchema = { title: "Seed", description: "Another.", "x-zh-hans": { title: "随机种子" } };
    expect(wordsOf(schema, "zh")).toEqual({ title: "随机种子", description: "Another." });
    expect(wordsOf(schema, "en").title).toBe("Seed");
    expect(wordsOf({}, "zh", "lr").title).toBe("lr");
  });
});

it("leaves out a property that nobody filled in", () => {
  expect(withProperty({ a: 1, b: 2 }, "a", undefined)).toEqual({ b: 2 });
  expect(withProperty({ a: 1 }, "b", null)).toEqual({ a: 1, b: null });
});
