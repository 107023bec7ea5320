import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import { workloadKey } from "@/api/why";
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type Line = Schemas["PoolLine"];
export type Running = Schemas["Running"];
export type Waiting = Schemas["Waiting"];
export type QueueUsage = Schemas["QueueUsage"];
export type Amount = Schemas["Amount"];
export type Holder = Schemas["Holder"];
export type PoolTree = Schemas["PoolTree"];
export type TreeAmount = Schemas["TreeAmount"];
export type Budget = Schemas["Budget"];
export type BurnDown = Schemas["BurnDown"];
export type ReportLine = Schemas["ReportLine"];
/** What a report of one pool may be by. */
export type ReportKey = Exclude<Schemas["ByEnum"], "pool">;
export type WorkloadDetail = Schemas["WorkloadDetail"];

const byId = (id: string) => ({ params: { path: { id } } });

/** What runs and what waits in a pool, in the order of admission. */
export const lineQuery = (pool: string) =>
  queryOptions({
    queryKey: ["pool", pool, "line"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/pools/{id}/queue", { ...byId(pool), signal })),
    staleTime: 2_000,
  });

export const usageQuery = (pool: string, project: string | undefined) =>
  queryOptions({
    queryKey: ["pool", pool, "usage", project ?? ""],
    queryFn: async ({ signal }) => {
      const rows: QueueUsage[] = [];
      let cursor: string | undefined;
      do {
        const query = { pool, ...(project ? { project } : {}), ...(cursor ? { cursor } : {}), page_size: 200 };
        const page = await unwrap(api.GET("/api/v1/quotas/usage", { params: { query }, signal }));
        rows.push(...page.results);
        cursor = nextCursor(page);
      } while (cursor);
      return rows;
    },
    staleTime: 2_000,
  });

/** Sets what a project's queue may hold of a resource. */
export function useSetQuota(pool: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: Schemas["QuotaSetRequest"]) => unwrap(api.PUT("/api/v1/quotas", { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["pool", pool] }),
  });
}

/** Asks for that: who may set quotas decides. */
export function useAskQuota() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ project, comment, ...wanted }: Schemas["QuotaSetRequest"] & { project: string; comment: string }) =>
      unwrap(api.POST("/api/v1/approvals", { body: { project, command: "quota.set", arguments: wanted, comment } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["approvals"] }),
  });
}

/** What is held back, or was, for versions that were not published, the newest first. */
export const holdsQuery = () =>
  queryOptions({
    queryKey: ["quality-holds"],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/quality-holds", { params: { query: { ordering: "-created_at", page_size: 500 } }, signal }))).results,
    staleTime: 15_000,
  });

/** How a pool is shared: everybody's places in it, strangers without a name. */
export const treeQuery = (pool: string) =>
  queryOptions({
    queryKey: ["pool", pool, "tree"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/pools/{id}/cohorts", { ...byId(pool), signal })),
    staleTime: 2_000,
  });

/** The budgets that count what the reader may see, of one project if one is chosen. */
export const budgetsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["budgets", project ?? ""],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/budgets", { params: { query: { page_size: 200, ...(project ? { project } : {}) } }, signal }))).results,
    staleTime: 30_000,
  });

export const burnDownQuery = (budget: string) =>
  queryOptions({
    queryKey: ["budgets", budget, "burn-down"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/budgets/{id}/burn-down", { ...byId(budget), signal })),
    staleTime: 60_000,
  });

export interface ReportAsked {
  by: string;
  from: string;
  pool: string;
  project?: string;
  limit: number;
}

/** What was held, used and paid in a pool, summed up by some of its columns. */
export const reportQuery = (asked: ReportAsked) =>
  queryOptions({
    queryKey: ["usage-report", asked],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/usage-report", { params: { query: { ...asked } }, signal })),
    staleTime: 60_000,
  });

export const workloadStoryQuery = (id: string) =>
  queryOptions({ queryKey: [...workloadKey(id), "story"], queryFn: ({ signal }) => unwrap(api.GET("/api/v1/workloads/{id}/story", { ...byId(id), signal })) });

export const stopWorkload = (id: string): Promise<unknown> => unwrap(api.POST("/api/v1/workloads/{id}/stop", { ...byId(id), body: { detail: "" } }));
