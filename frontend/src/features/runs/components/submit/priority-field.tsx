import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { priorityClassesQuery } from "@/api/pools";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { partOf } from "../../submit";

interface Props {
  schema: JsonSchema;
  /** Name of a priority; null: the usual one. */
  value: string | null;
  onChange: (value: string | null) => void;
  /** Where the run will be. */
  projectId: string | undefined;
  error: string | undefined;
}

/** With which priority it waits. What the reader may not name in this project is there, and says so. */
export function PriorityField({ schema, value, onChange, projectId, error }: Props) {
  const { t, i18n } = useTranslation("runs");
  const found = useQuery(priorityClassesQuery).data ?? [];
  const isAdmin = useHasRole("admin", projectId);
  const words = wordsOf(partOf(schema, "priority_class"), i18n.language, "priority_class");
  const options = found.map((one) => {
    const barred = one.role === "admin" && !isAdmin;
    const said = { name: one.name, value: count(one.value) };
    return { value: one.name, disabled: barred, label: barred ? t("submit.priorityBarred", said) : one.preemption === "lower_priority" ? t("submit.priorityPreempts", said) : t("submit.priorityIs", said) };
  });
  // One that is gone, or was renamed, is not lost on the way: the server says what is wrong with it.
  if (value !== null && !options.some((each) => each.value === value)) options.push({ value, disabled: false, label: value });
  return (
    <Select
      label={words.title}
      description={words.description}
      inputWrapperOrder={["label", "input", "description", "error"]}
      data={[{ value: "", label: t("submit.priorityUsual") }, ...options]}
      value={value ?? ""}
      onChange={(next) => onChange(next || null)}
      allowDeselect={false}
      error={error}
      data-path="priority_class"
    />
  );
}
