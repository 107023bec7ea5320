import { isObject, placeIn, shapeOf, type JsonSchema } from "./schema";

/** What is wrong at a place; the sentence is `form:problem.<code>`. */
export interface FieldProblem {
  code: "required" | "type" | "whole" | "atLeast" | "atMost" | "above" | "below" | "short" | "long" | "pattern" | "choice" | "few" | "many" | "twice" | "unnamed";
  limit?: number;
}

export type FieldProblems = Readonly<Record<string, FieldProblem>>;

/** What a value has wrong by its schema, by place. The server decides; this only says it earlier. */
export function problemsOf(schema: JsonSchema, value: unknown, path = "", root: JsonSchema = schema): FieldProblems {
  const found: Record<string, FieldProblem> = {};
  look(schema, value, path, root, found);
  return found;
}

function look(given: JsonSchema, value: unknown, path: string, root: JsonSchema, found: Record<string, FieldProblem>): void {
  const shape = shapeOf(given, root);
  const { schema } = shape;
  if (value === null && (shape.nullable || shape.kind === "any")) return;
  if (value === undefined || value === null) {
    found[path] = { code: "required" };
    return;
  }
  switch (shape.kind) {
    case "number":
    case "integer":
      return note(found, path, ofNumber(schema, value, shape.kind === "integer"));
    case "string":
      return note(found, path, ofText(schema, value));
    case "boolean":
      return note(found, path, typeof value === "boolean" ? undefined : { code: "type" });
    case "choice":
      return note(found, path, shape.choices.some((choice) => choice.value === value) ? undefined : { code: "choice" });
    case "list":
      return ofList(schema, value, path, root, found);
    case "object":
      return ofObject(schema, value, path, root, found);
    case "map":
      return ofMap(schema, value, path, root, found);
    case "union": {
      const branch = isObject(value) ? shape.branches.find((each) => each.value === value[shape.tag]) : undefined;
      return branch ? look(branch.schema, value, path, root, found) : note(found, path, { code: "choice" });
    }
    default:
      return;
  }
}

function note(found: Record<string, FieldProblem>, path: string, problem: FieldProblem | undefined): void {
  if (problem) found[path] = problem;
}

function ofNumber(schema: JsonSchema, value: unknown, whole: boolean): FieldProblem | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return { code: "type" };
  if (whole && !Number.isInteger(value)) return { code: "whole" };
  if (schema.minimum !== undefined && value < schema.minimum) return { code: "atLeast", limit: schema.minimum };
  if (schema.maximum !== undefined && value > schema.maximum) return { code: "atMost", limit: schema.maximum };
  if (schema.exclusiveMinimum !== undefined && value <= schema.exclusiveMinimum) return { code: "above", limit: schema.exclusiveMinimum };
  if (schema.exclusiveMaximum !== undefined && value >= schema.exclusiveMaximum) return { code: "below", limit: schema.exclusiveMaximum };
  return undefined;
}

function ofText(schema: JsonSchema, value: unknown): FieldProblem | undefined {
  if (typeof value !== "string") return { code: "type" };
  if (schema.minLength !== undefined && value.length < schema.minLength) {
    return value === "" ? { code: "required" } : { code: "short", limit: schema.minLength };
  }
  if (schema.maxLength !== undefined && value.length > schema.maxLength) return { code: "long", limit: schema.maxLength };
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) return { code: "pattern" };
  return undefined;
}

function ofList(schema: JsonSchema, value: unknown, path: string, root: JsonSchema, found: Record<string, FieldProblem>): void {
  if (!Array.isArray(value)) return note(found, path, { code: "type" });
  if (value.length < (schema.minItems ?? 0)) note(found, path, value.length ? { code: "few", limit: schema.minItems ?? 0 } : { code: "required" });
  if (schema.maxItems !== undefined && value.length > schema.maxItems) note(found, path, { code: "many", limit: schema.maxItems });
  if (schema.uniqueItems && new Set(value.map((item) => JSON.stringify(item))).size < value.length) note(found, path, { code: "twice" });
  const { items } = schema;
  if (items) value.forEach((item, index) => look(items, item, placeIn(path, index), root, found));
}

function ofObject(schema: JsonSchema, value: unknown, path: string, root: JsonSchema, found: Record<string, FieldProblem>): void {
  if (!isObject(value)) return note(found, path, { code: "type" });
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    if (value[name] === undefined && !schema.required?.includes(name)) continue;
    look(property, value[name], placeIn(path, name), root, found);
  }
}

function ofMap(schema: JsonSchema, value: unknown, path: string, root: JsonSchema, found: Record<string, FieldProblem>): void {
  if (!isObject(value)) return note(found, path, { code: "type" });
  const names = Object.keys(value);
  if (names.length < (schema.minProperties ?? 0)) note(found, path, { code: "required" });
  const inner = typeof schema.additionalProperties === "object" ? schema.additionalProperties : {};
  for (const name of names) {
    if (name === "" && schema.additionalProperties !== undefined) note(found, path, { code: "unnamed" });
    look(inner, value[name], placeIn(path, name), root, found);
  }
}
