import { Autocomplete, Checkbox, Select, Stack, Switch, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useForm, useFieldError } from "./context";
import { without, wordsOf, type JsonSchema, type Shape } from "./schema";

export interface InputProps {
  shape: Shape;
  /** The property's name, where the schema has no title. */
  name: string;
  value: unknown;
  onChange: (value: unknown) => void;
  path: string;
  required: boolean;
  /** In a row that is named already: the label is for screen readers only. */
  bare?: boolean | undefined;
}

const ORDER: ("label" | "input" | "error" | "description")[] = ["label", "input", "error", "description"];

/** What every input has in common. */
export function useCommon({ shape, name, path, required, bare }: InputProps, below = false) {
  const { i18n } = useTranslation();
  const form = useForm();
  const words = wordsOf(shape.schema, i18n.language, name);
  const error = useFieldError(path, below);
  return {
    ...(bare ? { "aria-label": words.title } : { label: words.title, description: words.description || undefined }),
    // The description below, so that inputs beside each other stand level.
    inputWrapperOrder: ORDER,
    error,
    required: required && !shape.nullable && !bare,
    disabled: form.disabled,
    onBlur: () => form.onLeft(path),
    "data-path": path,
  };
}

/** What an empty input stands for. */
const empty = (shape: Shape): null | undefined => (shape.nullable ? null : undefined);
const hint = (schema: JsonSchema): string | undefined =>
  schema.default === undefined || schema.default === null || typeof schema.default === "object" ? undefined : typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);

export function TextField(props: InputProps) {
  const { shape, value, onChange } = props;
  const common = useCommon(props);
  const shown = typeof value === "string" ? value : "";
  const change = (text: string): void => onChange(text === "" && (shape.nullable || !props.required) ? empty(shape) : text);
  const { examples } = shape.schema;
  if (examples?.length) {
    return <Autocomplete size="xs" {...common} data={examples.map(String)} value={shown} onChange={change} placeholder={hint(shape.schema)} />;
  }
  return <TextInput {...common} value={shown} onChange={(event) => change(event.currentTarget.value)} placeholder={hint(shape.schema)} />;
}

/** A number as text, so that `1e-4` can be typed; what is no number is kept for the reader to mend. */
export function NumberField(props: InputProps) {
  const { shape, value, onChange } = props;
  const common = useCommon(props);
  const [text, setText] = useState("");
  const same = typeof value === "number" && text.trim() !== "" && Number(text) === value;
  const shown = same ? text : typeof value === "number" || typeof value === "string" ? String(value) : "";
  const change = (next: string): void => {
    setText(next);
    const number = Number(next);
    onChange(next.trim() === "" ? empty(shape) : Number.isFinite(number) ? number : next);
  };
  return (
    <TextInput
      {...common}
      inputMode={shape.kind === "integer" ? "numeric" : "decimal"}
      value={shown}
      onChange={(event) => change(event.currentTarget.value)}
      placeholder={hint(shape.schema)}
      autoComplete="off"
    />
  );
}

export function BooleanField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t } = useTranslation();
  const { t: tForm } = useTranslation("form");
  const common = without(useCommon(props), "required");
  if (!shape.nullable) return <Switch size="xs" pt={props.bare ? 0 : 22} {...without(common, "inputWrapperOrder")} checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
  return (
    <Select
      {...common}
      data={[
        { value: "true", label: t("yes") },
        { value: "false", label: t("no") },
      ]}
      value={typeof value === "boolean" ? String(value) : null}
      onChange={(next) => onChange(next === null ? null : next === "true")}
      clearable
      placeholder={tForm("unset")}
    />
  );
}

export function ChoiceField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t, i18n } = useTranslation("form");
  const common = useCommon(props);
  const at = shape.choices.findIndex((choice) => choice.value === value);
  // What has a default of its own would only be cleared to nothing.
  const mayLack = shape.nullable || (!props.required && shape.schema.default === undefined);
  return (
    <Select
      {...common}
      data={shape.choices.map((choice, index) => ({ value: String(index), label: wordsOf(choice.schema, i18n.language, String(choice.value)).title }))}
      value={at < 0 ? null : String(at)}
      onChange={(index) => onChange(index === null ? empty(shape) : shape.choices[Number(index)]?.value)}
      clearable={mayLack}
      allowDeselect={mayLack}
      searchable={shape.choices.length > 8}
      placeholder={shape.nullable ? t("unset") : undefined}
      nothingFoundMessage={t("noChoice")}
    />
  );
}

/** Whatever JSON there is: `0.1`, `true`, `[1, 2]`; what is no JSON is a text. */
export function AnyField(props: InputProps) {
  const { value, onChange } = props;
  const { t } = useTranslation("form");
  const common = useCommon(props);
  const [text, setText] = useState("");
  const shown = JSON.stringify(parsed(text)) === JSON.stringify(value) ? text : written(value);
  const kind = value === undefined ? "" : value === null ? "null" : Array.isArray(value) ? "list" : typeof value;
  const change = (next: string): void => {
    setText(next);
    onChange(parsed(next));
  };
  return (
    <TextInput
      {...common}
      value={shown}
      onChange={(event) => change(event.currentTarget.value)}
      rightSection={kind ? <span className="soft" style={{ fontSize: 11 }}>{t(`type.${kind as "string"}`)}</span> : undefined}
      rightSectionWidth={52}
      rightSectionPointerEvents="none"
      autoComplete="off"
    />
  );
}

export function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function written(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" && parsed(value) === value ? value : JSON.stringify(value);
}

/** One of the columns that are there, or another that will be. */
export function ColumnField(props: InputProps) {
  const { shape, value, onChange } = props;
  const common = useCommon(props);
  const columns = useColumns(shape.schema);
  return (
    <Autocomplete
      size="xs"
      {...common}
      data={columns}
      limit={100}
      value={typeof value === "string" ? value : ""}
      onChange={(text) => onChange(text === "" ? empty(shape) : text)}
    />
  );
}

/** Several columns; names may hold commas. */
export function ColumnsField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t } = useTranslation("form");
  const common = without(useCommon(props, true), "required");
  const columns = useColumns(shape.schema);
  const chosen = Array.isArray(value) ? value.map(String) : [];
  return (
    <TagsInput
      size="xs"
      {...common}
      data={columns}
      limit={200}
      splitChars={["\t"]}
      value={chosen}
      onChange={(next) => onChange(next.length === 0 && shape.nullable ? null : next)}
      isDuplicate={(tag, tags) => tags.includes(tag)}
      placeholder={chosen.length ? undefined : shape.nullable ? t("allColumns") : t("chooseColumns")}
      clearable
      clearButtonProps={{ "aria-label": t("clear") }}
    />
  );
}

function useColumns(schema: JsonSchema): string[] {
  const types = schema["x-column-types"];
  return useForm()
    .columns.filter((column) => !types || types.includes(column.type))
    .map((column) => column.name);
}

/** Short texts, of which one may be empty. */
export function TextsField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t } = useTranslation("form");
  const common = without(useCommon(props, true), "required");
  const all = Array.isArray(value) ? value.map(String) : [];
  const texts = all.filter((text) => text !== "");
  const hasEmpty = texts.length < all.length;
  const takesEmpty = props.shape.schema["x-input"] === "texts" && !shape.schema.items?.minLength;
  return (
    <Stack gap={6}>
      <TagsInput
        size="xs"
        {...common}
        splitChars={["\t", "\n"]}
        value={texts}
        onChange={(next) => onChange([...(hasEmpty ? [""] : []), ...next])}
        isDuplicate={(tag, tags) => tags.includes(tag)}
        placeholder={texts.length ? undefined : t("typeAndEnter")}
      />
      {takesEmpty ? (
        <Checkbox
          label={t("emptyCounts")}
          checked={hasEmpty}
          disabled={common.disabled}
          onChange={(event) => onChange([...(event.currentTarget.checked ? [""] : []), ...texts])}
        />
      ) : null}
    </Stack>
  );
}

const DELIMITERS = [
  [",", "comma"],
  [";", "semicolon"],
  ["\t", "tab"],
  ["|", "pipe"],
  [" ", "space"],
] as const;

/** One character; the usual ones by name. */
export function DelimiterField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t } = useTranslation("form");
  const common = useCommon(props);
  const known = DELIMITERS.some(([character]) => character === value);
  const [other, setOther] = useState(false);
  const isOther = other || (typeof value === "string" && !known);
  const choose = (next: string | null): void => {
    setOther(next === "other");
    onChange(next === "other" ? "" : (DELIMITERS.find(([, word]) => word === next)?.[0] ?? empty(shape)));
  };
  return (
    <Stack gap={6}>
      <Select
        {...common}
        error={isOther ? undefined : common.error}
        data={[...DELIMITERS.map(([, word]) => ({ value: word, label: t(`delimiter.${word}`) })), { value: "other", label: t("delimiter.other") }]}
        value={isOther ? "other" : (DELIMITERS.find(([character]) => character === value)?.[1] ?? null)}
        onChange={choose}
        clearable={shape.nullable}
        placeholder={t("delimiter.found")}
      />
      {isOther ? (
        <TextInput
          aria-label={t("delimiter.character")}
          placeholder={t("delimiter.character")}
          maxLength={1}
          error={common.error}
          value={typeof value === "string" ? value : ""}
          onChange={(event) => onChange(event.currentTarget.value)}
          onBlur={common.onBlur}
        />
      ) : null}
    </Stack>
  );
}
