import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { TONES } from "@/lib/states";
import type { RunsAsked, RunState } from "./api-list";
import { viewSearch, type ViewSearch } from "./views";

/** The address of the table of runs, and the question that it is. */

const route = getRouteApi("/runs");

export type RunsSearch = ViewSearch & { view?: string | undefined };

/** Columns of a run itself, in the order in which they are offered. */
export const RUN_COLUMNS = [
  "state", "goal", "curve", "duration", "dataset", "experiment", "project", "requested_by", "created_at", "started_at", "ended_at", "kind",
] as const;
export type RunColumnKey = (typeof RUN_COLUMNS)[number];
export const USUAL_COLUMNS: readonly string[] = ["state", "goal", "curve", "duration", "dataset", "requested_by", "created_at"];
export const USUAL_SORT = "-created_at";

const isState = (value: string): value is RunState => value in TONES.run;
/** Whether a column is a parameter or a metric. */
export const isValue = (key: string): boolean => key.startsWith("params.") || key.startsWith("metrics.");

export function askedOf(search: ViewSearch, projectId: string | undefined): RunsAsked {
  const states = search.state?.filter(isState) ?? [];
  const columns = search.columns?.filter(isValue) ?? [];
  return {
    ...(projectId ? { project: projectId } : {}),
    ...(search.experiment ? { experiment: search.experiment } : {}),
    ...(search.search ? { search: search.search } : {}),
    ...(states.length ? { state: states } : {}),
    ...(search.where?.length ? { where: search.where } : {}),
    ...(columns.length ? { columns } : {}),
    ...(search.sort ? { sort: search.sort } : {}),
  };
}

export const isFiltered = (search: ViewSearch): boolean =>
  Boolean(search.search ?? search.state?.length ?? search.where?.length ?? search.experiment);

export interface RunsAddress {
  search: RunsSearch;
  /** Change a part of it; undefined takes it away. The address before stays in the history only for what is worth going back to. */
  change: (part: Partial<RunsSearch>, replace?: boolean) => void;
  /** Show a view, by its name when it has one. */
  show: (view: ViewSearch, name?: string) => void;
}

export function useRunsAddress(): RunsAddress {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/runs" });
  const change = useCallback(
    (part: Partial<RunsSearch>, replace = true) => void navigate({ search: (before) => ({ ...before, ...part }), replace, resetScroll: false }),
    [navigate],
  );
  const show = useCallback(
    (view: ViewSearch, name?: string) =>
      void navigate({ search: (before) => ({ project: before.project, ...viewSearch({ ...view }), view: name }), resetScroll: false }),
    [navigate],
  );
  return { search, change, show };
}
