import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useCallback } from "react";
import { TONES } from "@/lib/states";
import type { RunsAsked, RunState } from "./api-list";
import { NO_VIEW, viewSearch, type ViewSearch } from "./views";

/** The address of the table of runs, and the question that it is. */

const route = getRouteApi("/runs");

export type RunsSearch = ViewSearch & { view?: string | undefined };

/** Columns of a run itself, in the order in which they are offered. */
export const RUN_COLUMNS = [
  "state", "goal", "curve", "duration", "dataset", "experiment", "project", "requested_by", "created_at", "started_at", "ended_at", "kind",
  "notes", "image", "seed",
] as const;
export type RunColumnKey = (typeof RUN_COLUMNS)[number];
export const USUAL_COLUMNS: readonly string[] = ["state", "goal", "curve", "duration", "dataset", "requested_by", "created_at"];
export const USUAL_SORT = "-created_at";

const isState = (value: string): value is RunState => value in TONES.run;
/** Whether a column is a parameter, a metric or a label. */
export const isValue = (key: string): boolean => /^(?:params|metrics|labels)\./.test(key);

/** The columns of a file: what is drawn only here has none there, and durations are told in seconds. */
export const fileColumns = (chosen: readonly string[]): string[] =>
  chosen.flatMap((key) => (key === "curve" ? [] : key === "duration" ? ["duration_seconds"] : [key]));

export function askedOf(search: ViewSearch, projectId: string | undefined): RunsAsked {
  const states = search.state?.filter(isState) ?? [];
  const columns = search.columns?.filter(isValue) ?? [];
  return {
    ...(projectId ? { project: projectId } : {}),
    ...(search.experiment ? { experiment: search.experiment } : {}),
    ...(search.search ? { search: search.search } : {}),
    ...(states.length ? { state: states } : {}),
    ...(search.where?.length ? { where: search.where } : {}),
    ...(search.filter ? { filter: search.filter } : {}),
    ...(search.deleted === "1" ? { deleted: true } : {}),
    ...(columns.length ? { columns } : {}),
    ...(search.sort ? { sort: search.sort } : {}),
  };
}

export const isFiltered = (search: ViewSearch): boolean =>
  Boolean(search.search ?? search.state?.length ?? search.where?.length ?? search.filter ?? search.experiment ?? search.deleted);

/** Nothing is filtered. */
export const UNFILTERED = { search: undefined, state: undefined, where: undefined, filter: undefined, experiment: undefined, deleted: undefined } as const;

export interface RunsAddress {
  search: RunsSearch;
  /** Change a part of it; undefined takes it away. The address before stays in the history only for what is worth going back to. */
  change: (part: Partial<RunsSearch>, replace?: boolean) => void;
  /** Show a view, by its id when it has one. */
  show: (view: ViewSearch, id?: string, replace?: boolean) => void;
}

export function useRunsAddress(): RunsAddress {
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/runs" });
  const change = useCallback(
    (part: Partial<RunsSearch>, replace = true) => void navigate({ search: (before) => ({ ...before, ...part }), replace, resetScroll: false }),
    [navigate],
  );
  const show = useCallback(
    (view: ViewSearch, id: string = NO_VIEW, replace = false) =>
      void navigate({ search: (before) => ({ project: before.project, ...viewSearch({ ...view }), view: id }), replace, resetScroll: false }),
    [navigate],
  );
  return { search, change, show };
}
