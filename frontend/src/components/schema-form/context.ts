import { createContext, useContext } from "react";
import { useTranslation } from "react-i18next";
import type { FieldProblems } from "./problems";
import type { JsonSchema } from "./schema";

export interface Column {
  name: string;
  type: string;
}

export interface Offer {
  value: string;
  label: string;
}

/** What every field of a form shares. */
export interface FormContext {
  root: JsonSchema;
  disabled: boolean;
  /** Offered where a column is asked for. */
  columns: readonly Column[];
  /** The type that expressions have to have; any where it is not said. */
  gives: "bool" | undefined;
  /** The columns may be others: nobody has got to this place yet. */
  isUnsure: boolean;
  /** What is offered for other kinds of input, by `x-input`: the datasets of a project, its secrets. */
  offers: Readonly<Record<string, readonly Offer[]>>;
  /** What the server said, by place. */
  errors: Readonly<Record<string, readonly string[]>>;
  problems: FieldProblems;
  /** Places that were changed since the server spoke. */
  changed: ReadonlySet<string>;
  /** Places that were left, whose own problems may be shown. */
  left: ReadonlySet<string>;
  /** Show every problem: somebody has tried to send. */
  showAll: boolean;
  onChanged: (path: string) => void;
  onLeft: (path: string) => void;
}

export const Form = createContext<FormContext | null>(null);

export function useForm(): FormContext {
  const form = useContext(Form);
  if (!form) throw new Error("a field stands outside of a form");
  return form;
}

/** The sentence under a field: what the server said, else its own problem once the reader has left it. Also of places inside, when `below`. */
export function useFieldError(path: string, below = false): string | undefined {
  const form = useForm();
  const { t } = useTranslation("form");
  const isMine = (place: string): boolean => place === path || (below && (place.startsWith(`${path}.`) || place.startsWith(`${path}[`)));
  const hasChanged = [...form.changed].some((place) => place === path || place.startsWith(`${path}.`) || place.startsWith(`${path}[`));
  const said = hasChanged ? undefined : Object.entries(form.errors).find(([place]) => isMine(place));
  if (said) return said[1].join(" ");
  if (!form.showAll && !form.left.has(path)) return undefined;
  const own = Object.entries(form.problems).find(([place]) => isMine(place))?.[1];
  return own ? t(`problem.${own.code}`, { limit: own.limit }) : undefined;
}
