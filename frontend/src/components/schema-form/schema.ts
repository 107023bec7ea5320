/** JSON Schema (2020-12) as far as forms need it, and the house's own words `x-…` (apps/datasets/recipes/forms.py). */
export interface JsonSchema {
  $ref?: string | undefined;
  $defs?: Readonly<Record<string, JsonSchema>> | undefined;
  type?: unknown;
  title?: string | undefined;
  description?: string | undefined;
  "x-zh-hans"?: { title?: string | undefined; description?: string | undefined } | undefined;
  "x-input"?: string | undefined;
  "x-column-types"?: readonly string[] | undefined;
  "x-choices"?: readonly { value: unknown; title?: string; "x-zh-hans"?: { title?: string } }[] | undefined;
  const?: unknown;
  enum?: readonly unknown[] | undefined;
  default?: unknown;
  examples?: readonly unknown[] | undefined;
  properties?: Readonly<Record<string, JsonSchema>> | undefined;
  required?: readonly string[] | undefined;
  additionalProperties?: JsonSchema | boolean | undefined;
  items?: JsonSchema | undefined;
  oneOf?: readonly JsonSchema[] | undefined;
  anyOf?: readonly JsonSchema[] | undefined;
  pattern?: string | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | undefined;
  exclusiveMaximum?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  minItems?: number | undefined;
  maxItems?: number | undefined;
  minProperties?: number | undefined;
  uniqueItems?: boolean | undefined;
}

export interface Choice {
  value: unknown;
  schema: JsonSchema;
}

/** What a field has to be: the kind decides the input. `any` is whatever JSON there is. */
export type Kind = "string" | "number" | "integer" | "boolean" | "choice" | "const" | "list" | "object" | "map" | "union" | "any";

export interface Shape {
  kind: Kind;
  /** null is taken too. */
  nullable: boolean;
  /** Without references. */
  schema: JsonSchema;
  /** Of a choice. */
  choices: readonly Choice[];
  /** Of a union: the property whose constant tells the branches apart. */
  tag: string;
  branches: readonly Choice[];
}

/** The same object without some of its properties. */
export function without<T extends object, K extends keyof T>(value: T, ...names: K[]): Omit<T, K> {
  const rest = { ...value };
  for (const name of names) delete rest[name];
  return rest;
}

/** The schema that a reference names, with what stands beside the reference. */
function resolved(schema: JsonSchema, root: JsonSchema): JsonSchema {
  let found = schema;
  for (let hops = 0; found.$ref && hops < 20; hops += 1) {
    const name = /^#\/\$defs\/(.+)$/.exec(found.$ref)?.[1];
    const target = name === undefined ? undefined : root.$defs?.[name];
    if (!target) throw new Error(`the schema has no ${found.$ref}`);
    found = { ...target, ...without(found, "$ref") };
  }
  return found;
}

const isNull = (schema: JsonSchema): boolean => schema.type === "null" || schema.const === null;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

/** What the input of a schema has to be. */
export function shapeOf(given: JsonSchema, root: JsonSchema): Shape {
  const schema = resolved(given, root);
  const shape = { nullable: false, schema, choices: [], tag: "", branches: [] };
  const several = schema.oneOf ?? schema.anyOf;
  if (several) return shapeOfSeveral(schema, several.map((branch) => resolved(branch, root)), root);
  if ("const" in schema) return { ...shape, kind: "const" };
  if (schema.enum) {
    const values = schema.enum.filter((value) => value !== null);
    const called = (value: unknown): JsonSchema => schema["x-choices"]?.find((choice) => choice.value === value) ?? {};
    return {
      ...shape,
      kind: "choice",
      nullable: values.length < schema.enum.length,
      choices: values.map((value) => ({ value, schema: called(value) })),
    };
  }
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((type) => type !== "null");
  const nullable = Array.isArray(schema.type) && types.length < schema.type.length;
  return { ...shape, nullable, kind: types.length === 1 ? kindOfType(types[0], schema) : "any" };
}

function kindOfType(type: unknown, schema: JsonSchema): Kind {
  switch (type) {
    case "string":
    case "number":
    case "integer":
    case "boolean":
      return type;
    case "array":
      return "list";
    case "object":
      return schema.properties ? "object" : "map";
    default:
      return schema.properties ? "object" : "any";
  }
}

function shapeOfSeveral(schema: JsonSchema, branches: JsonSchema[], root: JsonSchema): Shape {
  const real = branches.filter((branch) => !isNull(branch));
  const nullable = real.length < branches.length;
  const [only] = real;
  if (real.length === 1 && only) {
    const inner = shapeOf({ ...only, ...without(schema, "oneOf", "anyOf") }, root);
    return { ...inner, nullable: inner.nullable || nullable };
  }
  const shape = { nullable, schema, choices: [], tag: "", branches: [] };
  if (real.every((branch) => "const" in branch)) {
    return { ...shape, kind: "choice", choices: real.map((branch) => ({ value: branch.const, schema: branch })) };
  }
  const tag = Object.keys(real[0]?.properties ?? {}).find((name) => real.every((branch) => "const" in (branch.properties?.[name] ?? {})));
  if (tag === undefined) return { ...shape, kind: "any" };
  return { ...shape, kind: "union", tag, branches: real.map((branch) => ({ value: branch.properties?.[tag]?.const, schema: branch })) };
}

/** Title and description in the reader's language; the name where the schema has no title. */
export function wordsOf(schema: JsonSchema, language: string, name = ""): { title: string; description: string } {
  const own = language.startsWith("zh") ? schema["x-zh-hans"] : undefined;
  return { title: own?.title ?? schema.title ?? name, description: own?.description ?? schema.description ?? "" };
}

/** What a form begins with: defaults, and what must be there. Undefined: left out, until somebody fills it in. */
export function initialOf(given: JsonSchema, root: JsonSchema, required = true): unknown {
  const { kind, schema, nullable, branches } = shapeOf(given, root);
  if (schema.default !== undefined) return structuredClone(schema.default);
  if (kind === "const") return schema.const;
  if (!required) return undefined;
  if (nullable) return null;
  if (kind === "object") return initialObject(schema, root);
  if (kind === "union" && branches[0]) return initialOf(branches[0].schema, root);
  if (kind === "list") return [];
  if (kind === "map") return {};
  if (kind === "boolean") return false;
  return undefined;
}

function initialObject(schema: JsonSchema, root: JsonSchema): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = initialOf(property, root, schema.required?.includes(name) ?? false);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

/** A whole form's beginning. */
export const initialForm = (schema: JsonSchema): Record<string, unknown> => {
  const found = initialOf(schema, schema);
  return isObject(found) ? found : {};
};

/** The property without it, where undefined: a form leaves out what nobody filled in. */
export function withProperty(value: Readonly<Record<string, unknown>>, name: string, next: unknown): Record<string, unknown> {
  if (next !== undefined) return { ...value, [name]: next };
  return without(value, name);
}

/** The place of a property as the API's errors name it: `steps[2].options.columns`. */
export const placeIn = (path: string, name: string | number): string =>
  typeof name === "number" ? `${path}[${name}]` : path ? `${path}.${name}` : name;

export { isObject };
