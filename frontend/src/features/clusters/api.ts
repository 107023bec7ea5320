import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";
import { bodyOf, type ClusterDraft } from "./logic/draft";

type Schemas = components["schemas"];
export type Cluster = Schemas["Cluster"];
export type Problem = Schemas["ClusterProblem"];

const byId = (id: string) => ({ params: { path: { id } } });

/** Every cluster that the reader may see; there are few. */
export const clustersQuery = queryOptions({
  queryKey: ["clusters"],
  queryFn: async ({ signal }) => {
    const rows: Cluster[] = [];
    let cursor: string | undefined;
    do {
      const query = { page_size: 100, ...(cursor ? { cursor } : {}) };
      const page = await unwrap(api.GET("/api/v1/clusters", { params: { query }, signal }));
      rows.push(...page.results);
      cursor = nextCursor(page);
    } while (cursor);
    return rows.toSorted((one, other) => one.name.localeCompare(other.name));
  },
  staleTime: 5_000,
});

function useChanged() {
  const client = useQueryClient();
  return async () => {
    await client.invalidateQueries({ queryKey: clustersQuery.queryKey });
    await client.invalidateQueries({ queryKey: ["pools"] });
  };
}

/** Adds a cluster, or changes the one that is given. `key` is the same for every try of one wish. */
export function useSaveCluster(known: Cluster | null) {
  const onSuccess = useChanged();
  return useMutation({
    mutationFn: ({ draft, key }: { draft: ClusterDraft; key: string }) => {
      const body = bodyOf(draft, known);
      if (known) return unwrap(api.PATCH("/api/v1/clusters/{id}", { ...byId(known.id), body }));
      return unwrap(api.POST("/api/v1/clusters", { body: { ...body, name: draft.name.trim(), kind: draft.kind }, params: { header: { "Idempotency-Key": key } } }));
    },
    onSuccess,
  });
}

/** Asks for a check; what it found comes some seconds later. */
export function useCheckCluster() {
  return useMutation({ mutationFn: (id: string) => unwrap(api.POST("/api/v1/clusters/{id}/check", byId(id))) });
}

export function useRemoveCluster() {
  const onSuccess = useChanged();
  return useMutation({ mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/clusters/{id}", byId(id))), onSuccess });
}
