import type { TFunction } from "i18next";
import type { components } from "@/api/schema.gen";
import type { Column } from "./context";

type Schemas = components["schemas"];
export type ExpressionProblem = Schemas["ExpressionProblemShape"];
export type ExpressionFunction = Schemas["ExpressionFunctionShape"];
export type ExpressionColumn = Schemas["ExpressionColumnShapeRequest"];

/** Columns that one request may name. */
const COLUMNS_MOST = 5_000;
const KNOWN: ReadonlySet<string> = new Set(["int64", "float64", "string", "bool", "date", "timestamp", "image", "unknown"]);
const KEYWORDS: ReadonlySet<string> = new Set(["and", "or", "not", "in", "between", "is", "null", "true", "false"]);
const BARE = /^[\p{L}_][\p{L}\p{N}_]*$/u;

/** The columns as the API takes them. Of very many, those whose names stand in the text come first. */
export function askedColumns(columns: readonly Column[], text: string): ExpressionColumn[] {
  const all = columns.map(({ name, type }) => ({ name, type: (KNOWN.has(type) ? type : "unknown") as ExpressionColumn["type"] }));
  if (all.length <= COLUMNS_MOST) return all;
  const named = all.filter(({ name }) => text.includes(name));
  return [...named, ...all.filter(({ name }) => !text.includes(name))].slice(0, COLUMNS_MOST);
}

/** A column's name as an expression has it: between backticks where it is no plain word. */
export const spelled = (name: string): string => (BARE.test(name) && !KEYWORDS.has(name) ? name : `\`${name.replaceAll("`", "``")}\``);

/** The text before, at and after the place that a problem is about. The API counts code points, a string's index UTF-16. */
export function partsOf(text: string, { position, end }: Pick<ExpressionProblem, "position" | "end">): [string, string, string] {
  const characters = Array.from(text);
  return [characters.slice(0, position).join(""), characters.slice(position, end).join(""), characters.slice(end).join("")];
}

/** Whether only what follows is missing: the problem is that the text ends here. */
export const isUnfinished = (text: string, { position }: Pick<ExpressionProblem, "position">): boolean => position >= Array.from(text.trimEnd()).length;

export interface Written {
  text: string;
  /** Where the caret stands then. */
  caret: number;
}

const WORD = /[\p{L}\p{N}_`]/u;

/** The text with a column or a call of a function in the place of what is selected; what was selected becomes the call's argument. */
export function inserted(text: string, start: number, end: number, piece: { column: string } | { function: string; takes: boolean }): Written {
  const before = text.slice(0, start);
  const after = text.slice(end);
  const left = WORD.test(before.slice(-1)) ? " " : "";
  const right = WORD.test(after.slice(0, 1)) ? " " : "";
  if ("column" in piece) {
    const written = `${before}${left}${spelled(piece.column)}`;
    return { text: `${written}${right}${after}`, caret: written.length };
  }
  const inner = text.slice(start, end);
  const open = `${before}${left}${piece.function}(${inner}`;
  return { text: `${open})${right}${after}`, caret: piece.takes && !inner ? open.length : open.length + 1 };
}

/** What can be inserted whose words hold what was typed: columns that begin with it first, then functions by name, then by what they do. */
export function offered<C extends { name: string }>(columns: readonly C[], functions: readonly ExpressionFunction[], typed: string): { columns: C[]; functions: ExpressionFunction[] } {
  const text = typed.trim().toLowerCase();
  const rank = (name: string): number => (name.toLowerCase().startsWith(text) ? 0 : name.toLowerCase().includes(text) ? 1 : 2);
  const ranked = <T extends { name: string }>(all: readonly T[]): T[] => (text ? [0, 1].flatMap((wanted) => all.filter(({ name }) => rank(name) === wanted)) : [...all]);
  const byName = ranked(functions);
  const says = (each: ExpressionFunction): string => `${each.description} ${each["x-zh-hans"].description}`.toLowerCase();
  return { columns: ranked(columns), functions: [...byName, ...functions.filter((each) => !byName.includes(each) && says(each).includes(text))] };
}

/** How a function is called: `round(number[, int64])`. */
export function signature(each: ExpressionFunction): string {
  const least = each.parameters.length - each.optional;
  const names = each.parameters.map((parameter) => parameter.replace("written ", ""));
  const [needed, rest] = [names.slice(0, least).join(", "), names.slice(least)];
  return `${each.name}(${needed}${rest.map((name) => `[, ${name}]`).join("")}${each.is_repeated ? ", …" : ""})`;
}

// Sentences ---------------------------------------------------------------------------------------------------

const CODES = [
  "empty", "too_long", "too_large", "too_deep", "unexpected_character", "not_closed", "wrong_number", "expected", "unknown_function", "wrong_arguments",
  "unknown_column", "wrong_type", "different_types", "compares_null", "no_type", "not_constant", "wrong_date", "wrong_value",
] as const;
type Code = (typeof CODES)[number];

/** What the API's English parameters stand for, where they are words. */
const WORDS = {
  "a whole number": "int64", "whole numbers": "int64", int64: "int64", "a number": "float64", float64: "float64", text: "string", string: "string",
  "true or false": "bool", bool: "bool", "a date": "date", date: "date", "a timestamp": "timestamp", timestamp: "timestamp",
  "a date or a timestamp": "moment", null: "null", "of a type that is not known yet": "unknown", unknown: "unknown", "a value": "any", values: "any",
  image: "image", "values with an order": "ordered", "the end": "end", "the end, or a sign such as + or `and`": "endOrSign", "`in` or `between`": "inOrBetween",
  "a list such as (1, 2)": "list", "`)` or a sign such as + or `and`": "closeOrSign", "not empty": "notEmpty", "An expression": "expression",
  "A whole number": "int64", "A text": "string", "A timestamp": "timestamp", "A date": "date", "The text that is replaced": "replaced",
} as const;
const AS_IT_IS = /^(`[^`]*`|'.*'|".*"|[^\p{L}\s]+|\d\S*|\d[\d :.-]*)$/su;

type Say = TFunction<"form">;

const TYPES = ["int64", "float64", "string", "bool", "date", "timestamp", "image"] as const;

/** A column's type in a word; one that this build does not know as it is. */
export const typeSaid = (t: Say, type: string): string => ((TYPES as readonly string[]).includes(type) ? t(`expression.type.${type as (typeof TYPES)[number]}`) : type);

/** A parameter in the reader's words; undefined where it is a phrase that this build does not know. */
function word(t: Say, value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  if (typeof value !== "string") return undefined;
  if (Object.hasOwn(WORDS, value)) return t(`expression.word.${WORDS[value as keyof typeof WORDS]}`);
  const range = /^a whole number from (-?\d+) to (-?\d+)$/.exec(value);
  if (range) return t("expression.word.from", { from: range[1], to: range[2] });
  const amount = /^(at least )?(\d+)( or (\d+))? values?$/.exec(value);
  if (amount) return t(amount[1] ? "expression.word.least" : amount[4] ? "expression.word.either" : "expression.word.exactly", { count: Number(amount[2]), n: amount[2], most: amount[4] });
  const small = /^'(.*)': words such as `(\w+)` are written small$/su.exec(value);
  if (small) return t("expression.word.small", { word: small[1], small: small[2] });
  if (AS_IT_IS.test(value)) return value;
  const several = value.split(" or ").map((each) => (each in WORDS ? word(t, each) : undefined));
  return several.length > 1 && several.every((each) => each !== undefined) ? several.join(t("expression.or")) : undefined;
}

function hinted(t: Say, hint: unknown): string | undefined {
  if (!hint) return "";
  const names = /^ Did you mean (.*)\?$/su.exec(typeof hint === "string" ? hint : "")?.[1];
  return names?.split(" or ").join(t("expression.or"));
}

/** What is wrong with an expression, in the reader's words; null where only the API's English says it. */
export function problemSaid(t: Say, { code, params }: Pick<ExpressionProblem, "code" | "params">): string | null {
  if (!(CODES as readonly string[]).includes(code)) return null;
  const { hint, ...rest } = params;
  const said = Object.entries(rest).map(([name, value]) => [name, word(t, value)] as const);
  const meant = hinted(t, hint);
  if (meant === undefined || said.some(([, each]) => each === undefined)) return null;
  const sentence = t(`expression.problem.${code as Code}`, Object.fromEntries(said));
  return meant ? `${sentence}${t("expression.meant", { names: meant })}` : sentence;
}
