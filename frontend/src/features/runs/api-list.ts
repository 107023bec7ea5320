import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components, operations } from "@/api/schema.gen";
import type { RangePage } from "@/components/data-table/use-range-rows";

type Schemas = components["schemas"];
export type RunRow = Schemas["RunTableRow"];
export type RunState = Schemas["RunState"];
export type RunColumns = Schemas["RunColumns"];
type TableQuery = NonNullable<operations["runs_table"]["parameters"]["query"]>;

/** A question to the table, without its window. */
export type RunsAsked = Omit<TableQuery, "offset" | "limit" | "spark">;

/** Everything of many runs: invalidated as one when runs change. */
export const runListKey = ["run-list"] as const;
export const runTableKey = (asked: RunsAsked) => [...runListKey, "table", asked] as const;

/** So many rows are read at once: more than a window shows, and few enough for a quick first paint. */
export const PAGE_SIZE = 50;

export const loadRuns =
  (asked: RunsAsked) =>
  ({ offset, limit }: { offset: number; limit: number }, signal: AbortSignal): Promise<RangePage<RunRow>> =>
    unwrap(api.GET("/api/v1/runs/table", { params: { query: { ...asked, offset, limit, spark: true } }, signal }));

/** The address of a file with these values; several of a name each stand for themselves. */
function fileAddress(path: string, values: Readonly<Record<string, string | boolean | readonly string[] | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    for (const each of typeof value === "object" ? value : [value]) if (each !== undefined) query.append(name, String(each));
  }
  return `/api/v1/runs/${path}?${query.toString()}`;
}

export type FileKind = "csv" | "parquet";
/** Where the whole table is as a file. */
export const tableFile = (asked: RunsAsked, kind: FileKind): string => fileAddress(`table.${kind}`, asked);
/** Where every point of these runs is as a file. */
export const curvesFile = (ids: readonly string[], kind: FileKind): string => fileAddress(`metrics.${kind}`, { run: ids });

/** Whether the server understands a filter; its refusal says where it does not. */
export function useFilterCheck() {
  return useMutation({
    mutationFn: (filter: string) => unwrap(api.GET("/api/v1/runs/table", { params: { query: { filter, limit: 1 } } })),
  });
}

interface Where {
  project?: string | undefined;
  experiment?: string | undefined;
}

const given = ({ project, experiment }: Where): { project?: string; experiment?: string } => ({
  ...(project ? { project } : {}),
  ...(experiment ? { experiment } : {}),
});

export const runColumnsQuery = (where: Where) =>
  queryOptions({
    queryKey: ["run-columns", given(where)],
    queryFn: () => unwrap(api.GET("/api/v1/runs/columns", { params: { query: given(where) } })),
    staleTime: 60_000,
  });

export const runNumbersQuery = (where: Where) =>
  queryOptions({
    queryKey: [...runListKey, "numbers", given(where)],
    queryFn: () => unwrap(api.GET("/api/v1/runs/summary", { params: { query: given(where) } })),
  });

/** Experiments to choose one of, by words of their names. */
export const experimentsQuery = (project: string | undefined, search = "") =>
  queryOptions({
    queryKey: ["experiments", "choice", project ?? "", search],
    queryFn: () =>
      unwrap(
        api.GET("/api/v1/experiments", {
          params: { query: { ...(project ? { project } : {}), ...(search ? { search } : {}), ordering: "name" } },
        }),
      ),
    staleTime: 30_000,
  });

/** After a verb everything that shows runs is read again. */
export function useRunsChanged(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await Promise.all([client.invalidateQueries({ queryKey: runListKey }), client.invalidateQueries({ queryKey: ["runs"] })]);
  };
}

/** All of these at once; the first refusal is the error, after the others have been done. */
export async function forEach<T>(things: readonly T[], act: (thing: T) => Promise<unknown>): Promise<void> {
  const done = await Promise.allSettled(things.map(act));
  const refused = done.find((each) => each.status === "rejected");
  if (refused) throw refused.reason;
}

export function useStopRuns() {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (ids: readonly string[]) => forEach(ids, (id) => unwrap(api.POST("/api/v1/runs/{id}/stop", { params: { path: { id } } }))),
    onSettled: changed,
  });
}

export function useTagRuns() {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (wanted: readonly { id: string; tags: string[] }[]) =>
      forEach(wanted, ({ id, tags }) => unwrap(api.PUT("/api/v1/runs/{id}/tags", { params: { path: { id } }, body: { tags } }))),
    onSettled: changed,
  });
}

export function useDeleteRuns() {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (ids: readonly string[]) => forEach(ids, (id) => unwrap(api.DELETE("/api/v1/runs/{id}", { params: { path: { id } } }))),
    onSettled: changed,
  });
}

export function useRestoreRuns() {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (ids: readonly string[]) => forEach(ids, (id) => unwrap(api.POST("/api/v1/runs/{id}/restore", { params: { path: { id } } }))),
    onSettled: changed,
  });
}

/** Runs to choose one of, by words of their names. */
export const runChoiceQuery = (project: string | undefined, search: string) =>
  queryOptions({
    queryKey: [...runListKey, "choice", project ?? "", search],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/runs/table", { params: { query: { ...(project ? { project } : {}), ...(search ? { search } : {}), limit: 30 } }, signal })),
  });
