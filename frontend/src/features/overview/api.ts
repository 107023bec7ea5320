import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";

const within = (project: string | undefined) => (project ? { project } : {});

export const runSummaryQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["runs", "summary", project ?? ""],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/summary", { params: { query: within(project) }, signal })),
  });

export const endpointSummaryQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["endpoints", "summary", project ?? ""],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/endpoints/summary", { params: { query: within(project) }, signal })),
  });

export type RunRow = Awaited<ReturnType<NonNullable<ReturnType<typeof activeRunsQuery>["queryFn"]>>>[number];
const ROWS = 8;

/** Runs that wait or run, with a little curve each. */
export const activeRunsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["overview", "active", project ?? ""],
    queryFn: async ({ signal }) => {
      const query = { ...within(project), state: ["running" as const, "stopping" as const, "queued" as const], sort: "-created_at", limit: ROWS, spark: true };
      return (await unwrap(api.GET("/api/v1/runs/table", { params: { query }, signal }))).rows;
    },
  });

export const failedRunsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["overview", "failed", project ?? ""],
    queryFn: async ({ signal }) => {
      const query = { ...within(project), state: ["failed" as const], sort: "-ended_at", limit: ROWS };
      return (await unwrap(api.GET("/api/v1/runs/table", { params: { query }, signal }))).rows;
    },
  });

/** The reader's own last runs. */
export const myRunsQuery = (project: string | undefined, username: string) =>
  queryOptions({
    queryKey: ["overview", "mine", project ?? "", username],
    queryFn: async ({ signal }) => {
      const query = { ...within(project), where: [`requested_by=${JSON.stringify(username)}`], sort: "-created_at", limit: ROWS };
      return (await unwrap(api.GET("/api/v1/runs/table", { params: { query }, signal }))).rows;
    },
  });

export const troubledEndpointsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["overview", "endpoints", project ?? ""],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/endpoints", { params: { query: { ...within(project), page_size: 50 } }, signal }))).results,
  });
