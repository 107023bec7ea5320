import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";
import type { ReadMetrics } from "@/live/run-curves";
import { useRunsChanged } from "./api-list";

type Schemas = components["schemas"];
export type Run = Schemas["Run"];
export type Attempt = Schemas["RunAttempt"];
export type MemberUsage = Schemas["MemberUsage"];
export type Workload = Schemas["WorkloadDetail"];
export type Artifact = Schemas["Artifact"];
export type Checkpoint = Schemas["Checkpoint"];
export type StoryStep = Schemas["StoryStep"];

/** Everything of one run is below it. */
export const runKey = (id: string) => ["runs", id] as const;

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKey(id), "run"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}", { params: { path: { id } }, signal })),
  });

export const storyQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKey(id), "story"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/story", { params: { path: { id } }, signal })),
  });

/** Oldest first. */
export const attemptsQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKey(id), "attempts"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/attempts", { params: { path: { id } }, signal })),
  });

/** What the members of an attempt used over time; measured every five seconds. */
export const systemQuery = (id: string, attempt: string) =>
  queryOptions({
    queryKey: [...runKey(id), "system", attempt],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/system-metrics", { params: { path: { id }, query: { attempt, points: 600 } }, signal })),
  });

export const artifactsQuery = (run: string) =>
  queryOptions({
    queryKey: [...runKey(run), "artifacts"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/artifacts", { params: { query: { run, ordering: "-created_at" } }, signal })),
  });

const FILES_AT_ONCE = 100;

/** The newest first, page by page. */
export const artifactPagesQuery = (run: string) =>
  infiniteQueryOptions({
    queryKey: [...runKey(run), "artifacts", "pages"],
    initialPageParam: "",
    queryFn: ({ signal, pageParam: cursor }) =>
      unwrap(api.GET("/api/v1/artifacts", { params: { query: { run, ordering: "-created_at", page_size: FILES_AT_ONCE, ...(cursor ? { cursor } : {}) } }, signal })),
    getNextPageParam: nextCursor,
  });

/** Those of the last steps first, page by page. */
export const checkpointPagesQuery = (run: string) =>
  infiniteQueryOptions({
    queryKey: [...runKey(run), "checkpoints", "pages"],
    initialPageParam: "",
    queryFn: ({ signal, pageParam: cursor }) =>
      unwrap(api.GET("/api/v1/checkpoints", { params: { query: { run, ordering: "-step", page_size: FILES_AT_ONCE, ...(cursor ? { cursor } : {}) } }, signal })),
    getNextPageParam: nextCursor,
  });

/** How `RunCurves` asks for the points of this run. */
export const readMetrics =
  (id: string): ReadMetrics =>
  ({ keys, ...rest }) =>
    unwrap(api.GET("/api/v1/runs/{id}/metrics", { params: { path: { id }, query: { ...rest, ...(keys.length ? { keys: keys.join(",") } : {}) } } }));

/** The run again, as a new one. */
export function useRetryRun(id: string) {
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/runs/{id}/retry", { params: { path: { id } } })),
    onSuccess: changed,
  });
}

export function useTagRun(id: string) {
  const client = useQueryClient();
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (tags: string[]) => unwrap(api.PUT("/api/v1/runs/{id}/tags", { params: { path: { id } }, body: { tags } })),
    onSuccess: (run) => {
      client.setQueryData(runQuery(id).queryKey, run);
      return changed();
    },
  });
}
