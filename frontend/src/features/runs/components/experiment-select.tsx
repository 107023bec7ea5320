import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { api, unwrap } from "@/api/client";
import { experimentsQuery } from "../api-list";

interface Props {
  value: string | undefined;
  onChange: (id: string | undefined) => void;
  projectId: string | undefined;
  label: string;
  placeholder?: string;
  /** The label is drawn, as in a form; else it is for screen readers. */
  labelled?: boolean;
  width?: number;
  error?: ReactNode;
  required?: boolean;
}

/** One experiment of the project, found by its name among any number. */
export function ExperimentSelect({ value, onChange, projectId, label, placeholder, labelled = false, width, error, required }: Props) {
  const [typed, setTyped] = useState("");
  const [words] = useDebouncedValue(typed, 200);
  const found = useQuery({ ...experimentsQuery(projectId, words), placeholderData: keepPreviousData });
  const chosen = useQuery({
    queryKey: ["experiments", value ?? ""],
    queryFn: () => unwrap(api.GET("/api/v1/experiments/{id}", { params: { path: { id: value ?? "" } } })),
    enabled: Boolean(value) && !found.data?.results.some(({ id }) => id === value),
    staleTime: 60_000,
  });
  const options = [...(found.data?.results ?? []), ...(chosen.data ? [chosen.data] : [])];
  const data = [...new Map(options.map(({ id, name }) => [id, { value: id, label: name }])).values()];
  return (
    <Select
      searchable
      clearable={!required}
      {...(labelled ? { label } : { "aria-label": label })}
      placeholder={placeholder ?? ""}
      w={width}
      error={error}
      required={required ?? false}
      data={data}
      value={value ?? null}
      onChange={(id) => onChange(id ?? undefined)}
      onSearchChange={(text) => setTyped(data.some(({ label: name }) => name === text) ? "" : text)}
      filter={({ options: all }) => all}
      limit={100}
    />
  );
}
