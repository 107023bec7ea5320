import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { bodyOfBudget, ownerOfBudget, type BudgetDraft } from "./logic/budget";

type Schemas = components["schemas"];
const byId = (id: string) => ({ params: { path: { id } } });

export const teamsQuery = queryOptions({
  queryKey: ["teams", "choice"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/teams", { params: { query: { page_size: 200 } }, signal }))).results,
  staleTime: 60_000,
});

/** What hours cost in a pool, and have. */
export const ratesQuery = (pool: string) =>
  queryOptions({
    queryKey: ["rates", pool],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/rates", { params: { query: { pool, ordering: "-valid_from", page_size: 200 } }, signal }))).results,
    staleTime: 30_000,
  });

/** Kinds of GPU of a pool. */
export const flavorsOfQuery = (pool: string) =>
  queryOptions({
    queryKey: ["flavors", "of", pool],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/flavors", { params: { query: { pool, page_size: 200 } }, signal }))).results,
    staleTime: 60_000,
  });

/** Sets a budget, or changes the one with this id. `key` is the same for every try of one wish. */
export function useSaveBudget(id: string | null) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ draft, key }: { draft: BudgetDraft; key: string }) => {
      const body = bodyOfBudget(draft);
      if (id) return unwrap(api.PATCH("/api/v1/budgets/{id}", { ...byId(id), body }));
      return unwrap(api.POST("/api/v1/budgets", { body: { ...body, ...ownerOfBudget(draft.owner ?? "") }, params: { header: { "Idempotency-Key": key } } }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["budgets"] }),
  });
}

export function useRemoveBudget() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => unwrap(api.DELETE("/api/v1/budgets/{id}", byId(id))),
    onSuccess: () => client.invalidateQueries({ queryKey: ["budgets"] }),
  });
}

export function useAddRate() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ body, key }: { body: Schemas["RateCreateRequest"]; key: string }) => unwrap(api.POST("/api/v1/rates", { body, params: { header: { "Idempotency-Key": key } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ["rates"] }),
  });
}
