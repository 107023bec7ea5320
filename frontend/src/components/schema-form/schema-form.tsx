import { useMemo, useState } from "react";
import { Form, type Column, type FormContext, type Offer } from "./context";
import { ObjectFields } from "./fields";
import { problemsOf } from "./problems";
import { shapeOf, type JsonSchema } from "./schema";

interface Props {
  /** Of an object. Its properties are the fields, in their order. */
  schema: JsonSchema;
  value: Readonly<Record<string, unknown>>;
  onChange: (value: Record<string, unknown>) => void;
  /** Where the value stands in the request, as the server's errors name it: `parameters`, `steps[2]`. */
  path?: string | undefined;
  /** `ApiError.fields` of the last answer. A field forgets it once it is changed. */
  errors?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Offered where a column is asked for (`x-input`: column, columns, column-types). */
  columns?: readonly Column[] | undefined;
  /** The type that expressions have to have. */
  gives?: "bool" | undefined;
  /** The columns may be others: what names another one may be right. */
  isUnsure?: boolean | undefined;
  /** Offered for other kinds of input, by `x-input`. */
  offers?: Readonly<Record<string, readonly Offer[]>> | undefined;
  /** Properties that are not shown: their values stay. */
  omit?: readonly string[] | undefined;
  disabled?: boolean | undefined;
  /** Show what is wrong with fields nobody has been to yet: somebody has tried to send. */
  showProblems?: boolean | undefined;
}

const NO_ERRORS = {};
const NONE: readonly never[] = [];

/** A form from a JSON Schema (2020-12): controlled, in the reader's language, with the server's errors at their fields. */
export function SchemaForm({ schema, value, onChange, path = "", errors = NO_ERRORS, columns = NONE, gives, isUnsure = false, offers = NO_ERRORS, omit = NONE, disabled = false, showProblems = false }: Props) {
  const [changed, setChanged] = useState<ReadonlySet<string>>(new Set<string>());
  const [left, setLeft] = useState<ReadonlySet<string>>(new Set<string>());
  const [heard, setHeard] = useState(errors);
  if (heard !== errors) {
    setHeard(errors);
    setChanged(new Set());
  }
  const problems = useMemo(() => problemsOf(schema, value, path), [schema, value, path]);
  const form = useMemo<FormContext>(() => {
    const grown = (place: string) => (before: ReadonlySet<string>) => (before.has(place) ? before : new Set(before).add(place));
    return {
      root: schema,
      disabled,
      columns,
      gives,
      isUnsure,
      offers,
      errors,
      problems,
      changed,
      left,
      showAll: showProblems,
      onChanged: (place) => setChanged(grown(place)),
      onLeft: (place) => setLeft(grown(place)),
    };
  }, [schema, disabled, columns, gives, isUnsure, offers, errors, problems, changed, left, showProblems]);
  return (
    <Form value={form}>
      <ObjectFields schema={shapeOf(schema, schema).schema} value={value} onChange={onChange} path={path} omit={omit} />
    </Form>
  );
}
