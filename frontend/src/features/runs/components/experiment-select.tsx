import { Select } from "@mantine/core";
import { keepPreviousData, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import { experimentsQuery } from "../api-list";
import { useTyped } from "./use-typed";

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
  description?: string;
  /** Offers to make one of the name that was typed. */
  onCreate?: (name: string) => void;
}

const NEW = "new";
const NAME_MOST = 120;

/** One experiment of the project, found by its name among any number. */
export function ExperimentSelect({ value, onChange, projectId, label, placeholder, labelled = false, width, error, required, description, onCreate }: Props) {
  const { t } = useTranslation("runs");
  const client = useQueryClient();
  const { wanted, words, onSearch } = useTyped();
  const found = useQuery({ ...experimentsQuery(projectId, words), placeholderData: keepPreviousData });
  const chosen = useQuery({
    queryKey: ["experiments", value ?? ""],
    queryFn: () => unwrap(api.GET("/api/v1/experiments/{id}", { params: { path: { id: value ?? "" } } })),
    enabled: Boolean(value) && !found.data?.results.some(({ id }) => id === value),
    staleTime: 60_000,
  });
  const options = [...(found.data?.results ?? []), ...(chosen.data ? [chosen.data] : [])];
  // Without a chosen project two experiments of the same name are told apart by theirs.
  const nameOf = (one: (typeof options)[number]): string => (projectId ? one.name : `${one.project_name} / ${one.name}`);
  const data = [...new Map(options.map((one) => [one.id, { value: one.id, label: nameOf(one) }])).values()];
  const creates = onCreate !== undefined && wanted !== "" && wanted.length <= NAME_MOST && wanted === words && !found.isFetching && !options.some(({ name }) => name === wanted);
  const asked = useRef("");
  const create = (name: string): void => {
    asked.current = name;
    onCreate?.(name);
  };
  /** A name that was typed counts without being picked from the list: the experiment that has it, or a new one. */
  const take = async (): Promise<void> => {
    if (!onCreate || wanted === "" || wanted === asked.current || wanted.length > NAME_MOST) return;
    const { results } = await client.fetchQuery(experimentsQuery(projectId, wanted));
    const same = results.find(({ name }) => name === wanted);
    if (same) onChange(same.id);
    else if (wanted !== asked.current) create(wanted);
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    // With an option marked, Enter picks that one.
    if (event.key === "Enter" && !event.currentTarget.hasAttribute("aria-activedescendant")) void take();
  };
  return (
    <Select
      searchable
      clearable={!required}
      {...(labelled ? { label } : { "aria-label": label })}
      placeholder={placeholder ?? ""}
      w={width}
      error={error}
      required={required ?? false}
      description={description}
      data={creates ? [...data, { value: NEW, label: t("submit.makeExperiment", { name: wanted }) }] : data}
      value={value ?? null}
      onChange={(id) => (id === NEW ? create(wanted) : onChange(id ?? undefined))}
      onSearchChange={(text) => onSearch(text, data.find((one) => one.value === value)?.label)}
      onKeyDown={onKeyDown}
      onBlur={() => void take()}
      filter={({ options: all }) => all}
      limit={100}
      maxLength={NAME_MOST}
    />
  );
}
