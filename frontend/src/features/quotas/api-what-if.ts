import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import type { Change } from "./logic/what-if";

type Schemas = components["schemas"];
export type Reclaim = Schemas["Reclaim"];
export type Result = Schemas["WhatIfResult"];
export type Moved = Schemas["Moved"];

const byId = (id: string) => ({ params: { path: { id } } });
export const whatIfKey = (id: string) => ["what-ifs", id] as const;

export const whatIfQuery = (id: string) =>
  queryOptions({
    queryKey: whatIfKey(id),
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/what-ifs/{id}", { ...byId(id), signal })),
    retry: false,
  });

/** Those of the last day about a pool, the newest first. */
export const whatIfsQuery = (pool: string) =>
  queryOptions({
    queryKey: ["what-ifs", "of", pool],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/what-ifs", { params: { query: { pool, page_size: 20, ordering: "-created_at" } }, signal }))).results,
    staleTime: 10_000,
  });

export function useAskWhatIf() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ pool, ...body }: Schemas["WhatIfAskRequest"] & { pool: string }) => unwrap(api.POST("/api/v1/pools/{id}/what-if", { ...byId(pool), body })),
    onSuccess: (made) => {
      client.setQueryData(whatIfKey(made.id), made);
      return client.invalidateQueries({ queryKey: ["what-ifs", "of", made.pool] });
    },
  });
}

/** What runs and would have to go because of changes. Changes nothing. */
export const reclaimsQuery = (pool: string, changes: readonly Change[]) =>
  queryOptions({
    queryKey: ["pool", pool, "reclaims", changes],
    queryFn: async ({ signal }) => (await unwrap(api.POST("/api/v1/pools/{id}/reclaims", { ...byId(pool), body: { changes: [...changes] }, signal }))).reclaims,
    staleTime: 5_000,
    retry: false,
  });
