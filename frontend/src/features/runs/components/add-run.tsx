import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useProject } from "@/lib/permissions";
import { runChoiceQuery } from "../api-list";

interface Props {
  /** Not offered again. */
  taken: readonly string[];
  onAdd: (id: string) => void;
  disabled: boolean;
}

/** One more run to compare, found by its name; the newest are offered first. */
export function AddRun({ taken, onAdd, disabled }: Props) {
  const { t } = useTranslation("runs");
  const project = useProject();
  const [typed, setTyped] = useState("");
  const [words] = useDebouncedValue(typed.trim(), 200);
  const found = useQuery({ ...runChoiceQuery(project?.id, words), placeholderData: keepPreviousData }).data?.rows ?? [];
  return (
    <Select
      searchable
      w={240}
      aria-label={t("compare.add")}
      placeholder={t("compare.add")}
      disabled={disabled}
      value={null}
      searchValue={typed}
      onSearchChange={setTyped}
      data={found.filter(({ id }) => !taken.includes(id)).map(({ id, name, experiment_name: of }) => ({ value: id, label: `${of} / ${name}` }))}
      filter={({ options }) => options}
      nothingFoundMessage={t("compare.noRun")}
      onChange={(id) => {
        if (!id) return;
        onAdd(id);
        setTyped("");
      }}
    />
  );
}
