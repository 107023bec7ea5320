import { Autocomplete, Select, TagsInput, Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useForm } from "./context";
import { useCommon, type InputProps } from "./inputs";
import { without } from "./schema";

const textOf = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** A value as it is typed; whoever sends the form knows what it has to be. */
export function ScalarField(props: InputProps) {
  const { shape, value, onChange } = props;
  const common = useCommon(props);
  const shown = value === null || value === undefined ? "" : textOf(value);
  const change = (text: string): void => onChange(text === "" ? (shape.nullable ? null : undefined) : text);
  return <TextInput {...common} value={shown} onChange={(event) => change(event.currentTarget.value)} autoComplete="off" />;
}

/** Several of them; a value may hold commas. */
export function ScalarsField(props: InputProps) {
  const { value, onChange } = props;
  const { t } = useTranslation("form");
  const common = without(useCommon(props, true), "required");
  const values = Array.isArray(value) ? value.map(String) : [];
  return (
    <TagsInput
      size="xs"
      {...common}
      splitChars={["\t"]}
      value={values}
      onChange={onChange}
      isDuplicate={(tag, tags) => tags.includes(tag)}
      placeholder={values.length ? undefined : t("typeAndEnter")}
      clearable
      clearButtonProps={{ "aria-label": t("clear") }}
    />
  );
}

/** One of what the page offers for this kind of input. */
export function OfferedField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { t } = useTranslation("form");
  const { offers } = useForm();
  const common = useCommon(props);
  const mayLack = shape.nullable || !props.required;
  return (
    <Select
      {...common}
      data={[...(offers[shape.schema["x-input"] ?? ""] ?? [])]}
      value={typeof value === "string" ? value : null}
      onChange={(next) => onChange(next ?? (shape.nullable ? null : undefined))}
      clearable={mayLack}
      allowDeselect={mayLack}
      searchable
      placeholder={shape.nullable ? t("unset") : undefined}
      nothingFoundMessage={t("noChoice")}
    />
  );
}

/** The name of a secret: one of those that the page offers, or one that will be there. */
export function SecretField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { offers } = useForm();
  const common = useCommon(props);
  return (
    <Autocomplete
      size="xs"
      {...common}
      data={(offers.secret ?? []).map((each) => each.value)}
      limit={100}
      value={typeof value === "string" ? value : ""}
      onChange={(text) => onChange(text === "" ? (shape.nullable ? null : undefined) : text)}
      autoComplete="off"
    />
  );
}

/** Something written in a language of its own, in letters of one width. */
export function PatternField(props: InputProps) {
  const { shape, value, onChange } = props;
  const common = useCommon(props);
  const shown = typeof value === "string" ? value : "";
  return (
    <Textarea
      {...common}
      autosize
      minRows={1}
      maxRows={8}
      spellCheck={false}
      styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontVariantLigatures: "none" } }}
      value={shown}
      onChange={(event) => onChange(event.currentTarget.value === "" ? (shape.nullable ? null : undefined) : event.currentTarget.value)}
    />
  );
}
