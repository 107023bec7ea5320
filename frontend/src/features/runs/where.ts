/**
 * Conditions of a table of runs as people write them: `metrics.val_auc > 0.8`, `params."my key" = x`. The API has the grammar
 * (apps/experiments/selectors/run_fields.py); this is the same, so that a page can say at once what is wrong. Pure.
 */

export const RUN_FIELDS = {
  text: ["name", "state", "reason", "kind", "project", "experiment", "dataset", "requested_by", "tag", "notes", "image"],
  time: ["created_at", "started_at", "ended_at"],
  number: ["duration_seconds", "goal", "seed"],
} as const;
export type RunField = (typeof RUN_FIELDS)[keyof typeof RUN_FIELDS][number];

/** What may be asked of a field: `any` of parameters, which are of whatever type they were given. */
export type FieldType = "text" | "time" | "number" | "any";
export const OPERATORS = [">=", "<=", "!=", "=", ">", "<", "~"] as const;
export type Operator = (typeof OPERATORS)[number];

export interface Condition {
  /** `params.lr`, `metrics.val_auc:max`, `state`. */
  field: string;
  operator: Operator;
  /** As it was written. */
  value: string;
}

export type WhereProblem = "field" | "key" | "operator" | "value" | "number" | "time" | "contains" | "order" | "quotes";
export interface Refused {
  problem: WhereProblem;
  /** Where in the text, from 0. */
  at: number;
}

const KEY = /[\p{L}\p{N}_\-./@%]+/uy;
const QUOTED = /"(?:[^"\\]|\\.)*"/y;
const PART = /:(?:last_step|last|min|max|mean|count)\b/y;
const WORD = /[a-z_]*/y;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const TIME = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/;

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Where the field that begins the text ends, or what is wrong. */
function fieldEnd(text: string): number | Refused {
  const group = ["params.", "metrics.", "labels."].find((each) => text.startsWith(each));
  if (group) {
    const key = matchAt(QUOTED, text, group.length) ?? matchAt(KEY, text, group.length);
    if (!key) return { problem: "key", at: group.length };
    const end = group.length + key.length;
    return end + (group === "metrics." ? (matchAt(PART, text, end)?.length ?? 0) : 0);
  }
  const word = matchAt(WORD, text, 0) ?? "";
  return typeOfRunField(word) ? word.length : { problem: "field", at: 0 };
}

function typeOfRunField(name: string): FieldType | undefined {
  return (["text", "time", "number"] as const).find((type) => (RUN_FIELDS[type] as readonly string[]).includes(name));
}

export function typeOf(field: string): FieldType {
  if (field.startsWith("params.")) return "any";
  if (field.startsWith("metrics.")) return "number";
  return typeOfRunField(field) ?? "text";
}

/** What may be asked of a field. */
export function operatorsOf(field: string): readonly Operator[] {
  const all: Readonly<Record<FieldType, readonly Operator[]>> = {
    number: [">", ">=", "<", "<=", "=", "!="],
    time: [">=", "<", ">", "<=", "=", "!="],
    text: ["=", "!=", "~"],
    any: ["=", "!=", ">", ">=", "<", "<=", "~"],
  };
  return all[typeOf(field)];
}

/** The condition that a text says, or what is wrong with it. */
export function parseCondition(text: string): Condition | Refused {
  const start = text.length - text.trimStart().length;
  const body = text.slice(start);
  const end = fieldEnd(body);
  if (typeof end !== "number") return { ...end, at: end.at + start };
  const field = body.slice(0, end);
  let at = skipBlanks(body, end);
  const operator = OPERATORS.find((each) => body.startsWith(each, at));
  if (!operator) return { problem: "operator", at: at + start };
  const operatorAt = at;
  at = skipBlanks(body, at + operator.length);
  const value = body.slice(at).trimEnd();
  const problem = problemOf(field, operator, value);
  if (!problem) return { field, operator, value };
  return { problem, at: start + (problem === "contains" || (problem === "order" && typeOf(field) === "text") ? operatorAt : at) };
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (text[next] === " ") next += 1;
  return next;
}

/** What is wrong with a value, or nothing. */
export function problemOf(field: string, operator: Operator, value: string): WhereProblem | undefined {
  if (!value) return "value";
  if (value.startsWith('"') && matchAt(QUOTED, value, 0) !== value) return "quotes";
  const type = typeOf(field);
  const ordered = /[<>]/.test(operator);
  if (operator === "~" && (type === "number" || type === "time")) return "contains";
  if (type === "text") return ordered ? "order" : undefined;
  const isNull = value === "null" && !ordered;
  if (type === "number") return NUMBER.test(value) || isNull ? undefined : "number";
  if (type === "time") return isNull || (TIME.test(value) && !Number.isNaN(Date.parse(value.replace(" ", "T")))) ? undefined : "time";
  return ordered && !NUMBER.test(value) ? "order" : undefined;
}

export const isRefused = (found: Condition | Refused): found is Refused => "problem" in found;

/** As the address and the API have it: `metrics.val_auc>0.8`. */
export const conditionText = ({ field, operator, value }: Condition): string => `${field}${operator}${value}`;

/** The name of a field without its group: `val_auc` of `metrics.val_auc`, `my key` of `params."my key"`. */
export function shortField(field: string): string {
  const key = field.replace(/^(?:params|metrics|labels)\./, "");
  const quoted = matchAt(QUOTED, key, 0);
  if (!quoted) return key;
  try {
    return `${JSON.parse(quoted) as string}${key.slice(quoted.length)}`;
  } catch {
    return key;
  }
}
