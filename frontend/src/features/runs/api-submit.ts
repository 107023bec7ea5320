import { queryOptions, useMutation } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { useRunsChanged } from "./api-list";
import type { RunRequest } from "./submit";

/** What can be run, and the schemas of the forms. */
export const runKindsQuery = queryOptions({
  queryKey: ["run-kinds"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/run-kinds", { signal })),
  staleTime: Infinity,
});

/** What a run was asked for, under a name that is free. */
export const requestQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", run, "as-request"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/as-request", { params: { path: { id: run } }, signal })),
    // A form that somebody fills in does not change under their hands.
    staleTime: Infinity,
    gcTime: 0,
  });

/** Datasets with a published version, by words of their names. */
export const datasetsQuery = (project: string | undefined, search: string) =>
  queryOptions({
    queryKey: ["datasets", "choice", project ?? "", search],
    queryFn: ({ signal }) =>
      unwrap(api.GET("/api/v1/datasets", { params: { query: { ...(project ? { project } : {}), ...(search ? { search } : {}), ordering: "name" } }, signal })),
    staleTime: 30_000,
  });

/** Versions of a dataset that a run may name, the newest first: published ones, and those for whose publication it waits. */
export const publishedQuery = (dataset: string) =>
  queryOptions({
    queryKey: ["dataset-versions", "published", dataset],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/dataset-versions", { params: { query: { dataset, ordering: "-number", page_size: 200 } }, signal }))).results.filter(
        ({ state }) => state === "published" || state === "validating",
      ),
    staleTime: 15_000,
  });

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: ["dataset-versions", id, "version"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/dataset-versions/{id}", { params: { path: { id } }, signal })),
    staleTime: 15_000,
  });

export const secretsQuery = (project: string) =>
  queryOptions({
    queryKey: ["secrets", "choice", project],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/secrets", { params: { query: { project, ordering: "name", page_size: 200 } }, signal }))).results,
    staleTime: 30_000,
  });

export const flavorsQuery = queryOptions({
  queryKey: ["flavors", "choice"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/flavors", { params: { query: { ordering: "name", page_size: 200 } }, signal }))).results,
  staleTime: 60_000,
});

/** What the project holds of its quota now. */
export const quotaUsageQuery = (project: string) =>
  queryOptions({
    queryKey: ["quota-usage", project],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/quotas/usage", { params: { query: { project } }, signal }))).results,
    staleTime: 5_000,
  });

export const experimentQuery = (id: string) =>
  queryOptions({
    queryKey: ["experiments", id],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/experiments/{id}", { params: { path: { id } }, signal })),
    staleTime: 60_000,
  });

export function useMakeExperiment() {
  return useMutation({
    mutationFn: (asked: { project: string; name: string }) => unwrap(api.POST("/api/v1/experiments", { body: { ...asked, goal_metric: "", goal_mode: "" } })),
  });
}

/** A run; `key` is the same for every try of one wish, so that an answer that was lost makes no second run. */
export function useSubmitRun() {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: ({ body, key }: { body: RunRequest; key: string }) =>
      unwrap(api.POST("/api/v1/runs", { body, params: { header: { "Idempotency-Key": key } } })),
    onSuccess: changed,
  });
}
