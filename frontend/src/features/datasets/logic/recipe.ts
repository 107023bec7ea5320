import { initialForm, type JsonSchema } from "@/components/schema-form/schema";
import type { StepForm } from "../api";

/** A step in the editor: `key` stays when it moves. */
export interface EditedStep {
  key: number;
  value: Record<string, unknown>;
}

export type Kinds = ReadonlyMap<string, StepForm>;

export const kindOf = (step: EditedStep): string => String(step.value.kind);
export const schemaOf = (form: StepForm): JsonSchema => form.schema;

/** The next key, one above all. */
export const nextKey = (steps: readonly EditedStep[]): number => steps.reduce((most, { key }) => Math.max(most, key), -1) + 1;

export const editedFrom = (steps: readonly Record<string, unknown>[]): EditedStep[] => steps.map((value, key) => ({ key, value: structuredClone(value) }));

export function added(steps: readonly EditedStep[], form: StepForm): EditedStep[] {
  return [...steps, { key: nextKey(steps), value: { ...initialForm(schemaOf(form)), kind: form.kind } }];
}

/** A step that a finding suggests, `{"kind", …}`, complete: of the column that it is about, where it does not say which. */
export function suggested(form: StepForm, suggestion: Readonly<Record<string, unknown>>, column?: string): Record<string, unknown> {
  const begun = { ...initialForm(schemaOf(form)), ...suggestion };
  const isUnsaid = column !== undefined && suggestion.columns === undefined && schemaOf(form).properties?.columns !== undefined;
  return isUnsaid ? { ...begun, columns: [column] } : begun;
}

/** The step again, behind itself. */
export function duplicated(steps: readonly EditedStep[], key: number): EditedStep[] {
  return steps.flatMap((step) => (step.key === key ? [step, { key: nextKey(steps), value: structuredClone(step.value) }] : [step]));
}

/** The step at another place; the others close up. */
export function moved(steps: readonly EditedStep[], key: number, to: number): EditedStep[] {
  const step = steps.find((each) => each.key === key);
  if (!step) return [...steps];
  const rest = steps.filter((each) => each !== step);
  const at = Math.max(0, Math.min(to, rest.length));
  return [...rest.slice(0, at), step, ...rest.slice(at)];
}

export type OrderProblem = "once";

/** What is wrong with where steps stand, by key; the server says the same. */
export function orderProblems(steps: readonly EditedStep[], kinds: Kinds): Map<number, OrderProblem> {
  const found = new Map<number, OrderProblem>();
  const seen = new Set<string>();
  for (const step of steps) {
    const form = kinds.get(kindOf(step));
    if (form?.is_once && seen.has(form.kind)) found.set(step.key, "once");
    seen.add(kindOf(step));
  }
  return found;
}

/** Kinds whose words hold all that was typed, in either language; whose title holds it come first. */
export function found(forms: readonly StepForm[], text: string): StepForm[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const titles = (form: StepForm): string => `${form.title} ${form["x-zh-hans"].title} ${form.kind}`.toLowerCase();
  const whole = (form: StepForm): string => `${titles(form)} ${form.description} ${form["x-zh-hans"].description}`.toLowerCase();
  const holding = (said: (form: StepForm) => string) => (form: StepForm) => words.every((word) => said(form).includes(word));
  const first = forms.filter(holding(titles));
  return [...first, ...forms.filter((form) => !first.includes(form) && holding(whole)(form))];
}

/** Errors of a step as a whole: those at `steps[2]`, at its kind, and at options that its form does not show. */
export function stepErrors(errors: Readonly<Record<string, readonly string[]>>, index: number, shown: readonly string[]): string[] {
  const path = `steps[${index}]`;
  const isShown = (place: string): boolean => shown.some((name) => new RegExp(`^${escaped(`${path}.${name}`)}([.[]|$)`).test(place));
  return Object.entries(errors)
    .filter(([place]) => (place === path || place.startsWith(`${path}.`)) && !isShown(place))
    .flatMap(([, sentences]) => [...sentences]);
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, sorted(each)]))
      : value;

/** Whether two recipes say the same, whatever the order of their options. */
export const sameSteps = (a: readonly Record<string, unknown>[], b: readonly Record<string, unknown>[]): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));

/** Columns that are there when a step begins: as a preview found them, as far as it got; else what steps before did not drop. */
export function columnsAt<C extends { name: string; type: string }>(columns: readonly C[], steps: readonly EditedStep[], index: number, previewed: readonly (readonly { name: string; type: string }[])[] = []): { name: string; type: string }[] {
  const before = previewed[index - 1];
  if (index > 0 && before) return [...before];
  const gone = new Set(steps.slice(0, index).flatMap((step) => (kindOf(step) === "drop_columns" && Array.isArray(step.value.columns) ? (step.value.columns as string[]) : [])));
  return columns.filter((column) => !gone.has(column.name));
}

/** Whether nobody knows which columns are there when a step begins: a preview has not got so far. */
export const isUnsureAt = (index: number, previewed: readonly unknown[]): boolean => index > 0 && previewed[index - 1] === undefined;

/** What a step is about in a few words, for who sees it folded: its columns, its expression. */
export function stepSaid({ value }: EditedStep): string {
  const { name, expression, column, columns } = value;
  const text = (each: unknown): string => (typeof each === "string" ? each : "");
  if (text(expression)) return text(name) ? `${text(name)} = ${text(expression)}` : text(expression);
  if (Array.isArray(columns)) return columns.map(text).join(", ");
  return text(column);
}

/** The option of a kind that names a secret of the project. */
export const secretOption = (form: StepForm | undefined): string | undefined =>
  form && Object.entries(schemaOf(form).properties ?? {}).find(([, option]) => option["x-input"] === "secret")?.[0];

export type KeyProblem = { code: "none" } | { code: "unknown"; name: string };

/** What is wrong with the key that a step asks for. `secrets` are the names that the reader may see; undefined: nobody knows. */
export function keyProblem(step: EditedStep, form: StepForm | undefined, secrets: readonly string[] | undefined): KeyProblem | null {
  const option = secretOption(form);
  if (option === undefined) return null;
  const name = step.value[option];
  if (typeof name !== "string" || name === "") return { code: "none" };
  return secrets && !secrets.includes(name) ? { code: "unknown", name } : null;
}
