import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";

/** Every pool that the reader may see; there are few. */
export const poolsQuery = queryOptions({
  queryKey: ["pools"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/pools", { params: { query: { page_size: 100 } }, signal }))).results,
  staleTime: 60_000,
});

export const poolMapQuery = (pool: string) =>
  queryOptions({
    queryKey: ["pool", pool, "map"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/pools/{id}/map", { params: { path: { id: pool } }, signal })),
    staleTime: 5_000,
  });

export interface HistoryAsked {
  from?: string;
  to?: string;
  buckets?: number;
  project?: string;
  by?: "project";
}

export const poolHistoryQuery = (pool: string, asked: HistoryAsked = {}) =>
  queryOptions({
    queryKey: ["pool", pool, "history", asked],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/pools/{id}/history", { params: { path: { id: pool }, query: asked }, signal })),
    staleTime: 60_000,
  });

export const workloadSummaryQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["workloads", "summary", project ?? ""],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/workloads/summary", { params: { query: project ? { project } : {} }, signal })),
    staleTime: 5_000,
  });

/** Named priorities, the lowest first; there are few. */
export const priorityClassesQuery = queryOptions({
  queryKey: ["priority-classes"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/priority-classes", { params: { query: { page_size: 100, ordering: "value" } }, signal }))).results,
  staleTime: 60_000,
});
