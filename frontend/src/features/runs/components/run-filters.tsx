import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useDebouncedCallback } from "@mantine/hooks";
import { IconSearch, IconTrash, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { StateBadge } from "@/components/state-badge";
import { count } from "@/lib/format";
import { runNumbersQuery, type RunColumns, type RunState } from "../api-list";
import { isFiltered, UNFILTERED, type RunsAddress } from "../list-search";
import { ExperimentSelect } from "./experiment-select";
import { TextFilter } from "./text-filter";
import { WhereChips } from "./where-chips";
import classes from "./run-filters.module.css";

interface Props {
  address: RunsAddress;
  projectId: string | undefined;
  known: RunColumns | undefined;
  /** Stand at the right: views, columns. */
  tools: ReactNode;
}

/** What the table is filtered by: words, states, experiment, conditions. */
export function RunFilters({ address, projectId, known, tools }: Props) {
  const { t } = useTranslation("runs");
  const { search, change } = address;
  return (
    <div className={classes.filters} role="search" aria-label={t("list.filters")}>
      <div className={classes.row}>
        <SearchInput value={search.search ?? ""} onChange={(words) => change({ search: words || undefined })} />
        <ExperimentSelect
          value={search.experiment}
          projectId={projectId}
          onChange={(experiment) => change({ experiment }, false)}
          label={t("column.experiment")}
          placeholder={t("list.anyExperiment")}
          width={190}
        />
        <StateFilter address={address} projectId={projectId} />
      </div>
      <div className={classes.row}>
        <WhereChips where={search.where ?? []} known={known} onChange={(where) => change({ where: where.length ? where : undefined }, false)} />
        <TextFilter filter={search.filter} onChange={(filter) => change({ filter }, false)} />
        <button type="button" className={classes.state} aria-pressed={search.deleted === "1"} onClick={() => change({ deleted: search.deleted === "1" ? undefined : "1" }, false)}>
          <IconTrash size={13} aria-hidden />
          <span>{t("list.deleted")}</span>
        </button>
        {isFiltered(search) ? (
          <Button
            variant="subtle"
            color="gray"
            onClick={() => change(UNFILTERED, false)}
          >
            {t("verb.clearFilters", { ns: "common" })}
          </Button>
        ) : null}
        <div className={classes.tools}>{tools}</div>
      </div>
    </div>
  );
}

const TYPING = 250;

/** Words of names. What somebody types is theirs until they pause. */
function SearchInput({ value, onChange }: { value: string; onChange: (words: string) => void }) {
  const { t } = useTranslation("runs");
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState(value);
  const [told, setTold] = useState(value);
  if (value !== told) {
    setTold(value);
    if (value !== typed.trim()) setTyped(value);
  }
  const tell = useDebouncedCallback((words: string) => onChange(words.trim()), TYPING);
  const type = (words: string): void => {
    setTyped(words);
    tell(words);
  };
  return (
    <TextInput
      ref={input}
      type="search"
      w={220}
      aria-label={t("list.search")}
      placeholder={t("list.search")}
      leftSection={<IconSearch size={14} aria-hidden />}
      rightSection={
        typed ? (
          <ActionIcon
            size="sm"
            aria-label={t("verb.clear", { ns: "common" })}
            onClick={() => {
              type("");
              input.current?.focus();
            }}
          >
            <IconX size={12} aria-hidden />
          </ActionIcon>
        ) : null
      }
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
    />
  );
}

const ALWAYS: readonly RunState[] = ["queued", "running", "succeeded", "failed", "cancelled"];
const SELDOM: readonly RunState[] = ["stopping", "draft"];

/** Each state with how many runs are in it; several may be chosen. */
function StateFilter({ address, projectId }: { address: RunsAddress; projectId: string | undefined }) {
  const { t } = useTranslation("runs");
  const { search, change } = address;
  const numbers = useQuery(runNumbersQuery({ project: projectId, experiment: search.experiment })).data?.by_state;
  const chosen = search.state ?? [];
  const shown = [...ALWAYS, ...SELDOM.filter((state) => numbers?.[state] || chosen.includes(state))];
  const toggle = (state: RunState): void => {
    const next = chosen.includes(state) ? chosen.filter((each) => each !== state) : [...chosen, state];
    change({ state: next.length ? next : undefined }, false);
  };
  return (
    <div className={classes.states} role="group" aria-label={t("column.state")}>
      {shown.map((state) => (
        <button key={state} type="button" className={classes.state} aria-pressed={chosen.includes(state)} onClick={() => toggle(state)}>
          <StateBadge noun="run" state={state} />
          <span className={classes.number}>{numbers ? count(numbers[state]) : ""}</span>
        </button>
      ))}
    </div>
  );
}
