import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { poolsQuery } from "@/api/pools";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { partOf } from "../../submit";

interface Props {
  schema: JsonSchema;
  /** Name of a pool; null: where the project's work runs. */
  value: string | null;
  onChange: (value: string | null) => void;
  error: string | undefined;
}

/** In which pool it runs. Where there is but one, nothing is to be chosen. */
export function PoolField({ schema, value, onChange, error }: Props) {
  const { t, i18n } = useTranslation("runs");
  const names = (useQuery(poolsQuery).data ?? []).map(({ name }) => name);
  // One that is gone is not lost on the way: the server says what is wrong with it.
  if (value !== null && !names.includes(value)) names.push(value);
  if (names.length < 2 && value === null) return null;
  const words = wordsOf(partOf(schema, "pool"), i18n.language, "pool");
  return (
    <Select
      label={words.title}
      description={words.description}
      inputWrapperOrder={["label", "input", "description", "error"]}
      data={[{ value: "", label: t("submit.poolUsual") }, ...names.map((name) => ({ value: name, label: name }))]}
      value={value ?? ""}
      onChange={(next) => onChange(next || null)}
      allowDeselect={false}
      error={error}
      data-path="pool"
    />
  );
}
