import { ActionIcon, Autocomplete, Button, Select, Switch, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useFieldError, useForm } from "./context";
import { ExpressionField } from "./expression-field";
import {
  AnyField,
  BooleanField,
  ChoiceField,
  ColumnField,
  ColumnsField,
  DelimiterField,
  NumberField,
  TextField,
  TextsField,
  useCommon,
  type InputProps,
} from "./inputs";
import { initialOf, isObject, placeIn, shapeOf, withProperty, wordsOf, type JsonSchema } from "./schema";
import classes from "./schema-form.module.css";
import { OfferedField, PatternField, ScalarField, ScalarsField, SecretField } from "./values";

const SPECIAL: Readonly<Record<string, (props: InputProps) => ReactNode>> = {
  column: ColumnField,
  columns: ColumnsField,
  texts: TextsField,
  delimiter: DelimiterField,
  expression: ExpressionField,
  pattern: PatternField,
  scalar: ScalarField,
  scalars: ScalarsField,
  dataset: OfferedField,
  secret: SecretField,
};
const SIMPLE: Readonly<Partial<Record<string, (props: InputProps) => ReactNode>>> = {
  string: TextField,
  number: NumberField,
  integer: NumberField,
  boolean: BooleanField,
  choice: ChoiceField,
  any: AnyField,
};

interface FieldProps {
  schema: JsonSchema;
  name: string;
  value: unknown;
  onChange: (value: unknown) => void;
  path: string;
  required: boolean;
  bare?: boolean | undefined;
}

/** The input that a schema asks for. */
function Field({ schema, name, value, onChange, path, required, bare }: FieldProps) {
  const form = useForm();
  const change = (next: unknown): void => {
    form.onChanged(path);
    onChange(next);
  };
  const shape = shapeOf(schema, form.root);
  const props: InputProps = { shape, name, value, onChange: change, path, required, bare };
  if (shape.kind === "const") return null;
  const Special = SPECIAL[shape.schema["x-input"] ?? ""];
  if (Special) return <Special {...props} />;
  const Simple = SIMPLE[shape.kind];
  if (Simple) return <Simple {...props} />;
  if (shape.kind === "list") return isTextList(shape.schema, form.root) ? <TextsField {...props} /> : <ListField {...props} />;
  if (shape.kind === "map") return <MapField {...props} />;
  return <GroupField {...props} />;
}

const isTextList = (schema: JsonSchema, root: JsonSchema): boolean => !!schema.items && shapeOf(schema.items, root).kind === "string";
const isWide = (schema: JsonSchema, root: JsonSchema): boolean =>
  ["list", "map", "object", "union"].includes(shapeOf(schema, root).kind) || ["expression", "pattern"].includes(schema["x-input"] ?? "");

interface ObjectProps {
  schema: JsonSchema;
  value: unknown;
  onChange: (value: Record<string, unknown>) => void;
  path: string;
  omit?: readonly string[];
}

/** The properties of an object, as fields in a grid. */
export function ObjectFields({ schema, value, onChange, path, omit = [] }: ObjectProps) {
  const { root } = useForm();
  const held = isObject(value) ? value : {};
  return (
    <div className={classes.fields}>
      {Object.entries(schema.properties ?? {})
        .filter(([name, property]) => !omit.includes(name) && shapeOf(property, root).kind !== "const")
        .map(([name, property]) => (
          <div key={name} className={isWide(property, root) ? classes.wide : undefined}>
            <Field
              schema={property}
              name={name}
              value={held[name]}
              onChange={(next) => onChange(withProperty(held, name, next))}
              path={placeIn(path, name)}
              required={schema.required?.includes(name) ?? false}
            />
          </div>
        ))}
    </div>
  );
}

/** A frame with a title around fields that belong together. */
function Frame({ props, children }: { props: InputProps; children: ReactNode }) {
  const { i18n } = useTranslation();
  const words = wordsOf(props.shape.schema, i18n.language, props.name);
  const error = useFieldError(props.path);
  const id = useId();
  return (
    <fieldset className={classes.group} aria-describedby={words.description || error ? id : undefined} data-path={props.path}>
      <legend>{words.title}</legend>
      {words.description ? <p id={error ? undefined : id} className={classes.described}>{words.description}</p> : null}
      {children}
      {error ? <p id={id} className={classes.error}>{error}</p> : null}
    </fieldset>
  );
}

/** An object or one of several, inside another: may be absent where null is taken, or where it need not be. */
function GroupField(props: InputProps) {
  const { shape, value, onChange, path, required } = props;
  const { t } = useTranslation("form");
  const { root, disabled } = useForm();
  const isThere = isObject(value);
  const mayLack = shape.nullable || !required;
  return (
    <Frame props={props}>
      {mayLack ? (
        <Switch
          mb={isThere ? "sm" : 0}
          label={t("given")}
          checked={isThere}
          disabled={disabled}
          onChange={(event) => onChange(event.currentTarget.checked ? initialOf({ ...shape.schema, default: undefined }, root) : shape.nullable ? null : undefined)}
        />
      ) : null}
      {!isThere && mayLack ? null : shape.kind === "union" ? <Branches {...props} /> : <ObjectFields schema={shape.schema} value={value} onChange={onChange} path={path} />}
    </Frame>
  );
}

/** Which of several objects it is, and the fields of that one. */
function Branches({ shape, value, onChange, path }: InputProps) {
  const { t, i18n } = useTranslation("form");
  const { root, disabled } = useForm();
  const held = isObject(value) ? value : {};
  const at = shape.branches.findIndex((branch) => branch.value === held[shape.tag]);
  const branch = shape.branches[at];
  return (
    <div className={classes.rows}>
      <Select
        aria-label={t("kind")}
        disabled={disabled}
        data={shape.branches.map((each, index) => ({ value: String(index), label: wordsOf(each.schema, i18n.language, String(each.value)).title }))}
        value={at < 0 ? null : String(at)}
        allowDeselect={false}
        onChange={(index) => {
          const chosen = index === null ? undefined : shape.branches[Number(index)];
          if (chosen) onChange(initialOf(chosen.schema, root));
        }}
      />
      {branch ? <ObjectFields schema={branch.schema} value={held} onChange={onChange} path={path} /> : null}
    </div>
  );
}

/** Anything but texts, one below the other. */
function ListField(props: InputProps) {
  const { shape, value, onChange, path, name } = props;
  const { i18n } = useTranslation("form");
  const { root, disabled } = useForm();
  const held: unknown[] = Array.isArray(value) ? value : [];
  const items = shape.schema.items ?? {};
  const title = wordsOf(shape.schema, i18n.language, name).title;
  return (
    <Frame props={props}>
      <div className={classes.rows}>
        {held.map((item, index) => (
          <div key={index} className={classes.row}>
            <Field
              schema={items}
              name={`${title} ${index + 1}`}
              value={item}
              onChange={(next) => onChange(held.map((each, at) => (at === index ? (next ?? null) : each)))}
              path={placeIn(path, index)}
              required
              bare
            />
            <Remove name={`${title} ${index + 1}`} onClick={() => onChange(held.filter((_, at) => at !== index))} />
          </div>
        ))}
        <Add disabled={disabled} onClick={() => onChange([...held, initialOf(items, root) ?? null])} />
      </div>
    </Frame>
  );
}

/** Names of one's own choice, with a value each. A row whose name is not there yet, or there twice, is kept beside the value. */
function MapField(props: InputProps) {
  const { shape, value, onChange, path } = props;
  const { t } = useTranslation("form");
  const form = useForm();
  const inner = typeof shape.schema.additionalProperties === "object" ? shape.schema.additionalProperties : {};
  const { disabled } = useCommon(props);
  const [rows, setRows] = useState<[string, unknown][]>(() => entriesOf(value));
  const shown = sameMap(rows, value) ? rows : entriesOf(value);
  const names = shape.schema["x-input"] === "column-types" ? form.columns.map((column) => column.name) : undefined;
  const set = (next: [string, unknown][]): void => {
    setRows(next);
    onChange(mapOf(next));
  };
  return (
    <Frame props={props}>
      <div className={classes.rows}>
        {shown.map(([name, item], index) => {
          const label = t("nameOf", { n: index + 1 });
          const rename = (to: string): void => set(shown.map((row, at) => (at === index ? [to, row[1]] : row)));
          const error = shown.findIndex((row) => row[0] === name) < index ? t("problem.twice") : undefined;
          return (
            <div key={index} className={`${classes.row} ${classes.pair}`}>
              {names ? (
                <Autocomplete size="xs" aria-label={label} placeholder={t("columnName")} data={names} limit={100} value={name} onChange={rename} error={error} disabled={disabled} />
              ) : (
                <TextInput aria-label={label} placeholder={t("name")} value={name} onChange={(event) => rename(event.currentTarget.value)} error={error} disabled={disabled} />
              )}
              <div>
                <Field
                  schema={inner}
                  name={t("valueOf", { name })}
                  value={item}
                  onChange={(next) => set(shown.map((row, at) => (at === index ? [row[0], next] : row)))}
                  path={placeIn(path, name)}
                  required
                  bare
                />
              </div>
              <Remove name={name} onClick={() => set(shown.filter((_, at) => at !== index))} />
            </div>
          );
        })}
        <Add disabled={disabled} onClick={() => set([...shown, ["", initialOf(inner, form.root)]])} />
      </div>
    </Frame>
  );
}

const entriesOf = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);

/** Of rows with the same name the first one counts; a row that is quite empty is none yet. */
function mapOf(rows: readonly [string, unknown][]): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const [name, item] of rows) if (!(name in found) && (name !== "" || (item !== undefined && item !== ""))) found[name] = item;
  return found;
}

const sameMap = (rows: readonly [string, unknown][], value: unknown): boolean => JSON.stringify(mapOf(rows)) === JSON.stringify(isObject(value) ? value : {});

function Remove({ name, onClick }: { name: string; onClick: () => void }) {
  const { t } = useTranslation("form");
  const { disabled } = useForm();
  return (
    <ActionIcon size={30} aria-label={t("remove", { name })} onClick={onClick} disabled={disabled}>
      <IconTrash size={14} aria-hidden />
    </ActionIcon>
  );
}

function Add({ onClick, disabled }: { onClick: () => void; disabled: boolean }) {
  const { t } = useTranslation("form");
  return (
    <div>
      <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={onClick} disabled={disabled}>
        {t("add")}
      </Button>
    </div>
  );
}
