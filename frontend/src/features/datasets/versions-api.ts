import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { keys } from "./api";

type Schemas = components["schemas"];
export type Comparison = Schemas["VersionComparison"];
export type Compared = NonNullable<Comparison["result"]>;
export type KeepRule = Schemas["KeepRule"];
export type WouldKeep = Schemas["WouldKeepShape"];

const COMPARISON = "/api/v1/version-comparisons/{id}";

/** The newest comparison of two versions, whatever its key; null where nobody asked for one. */
export const comparisonQuery = (before: string, after: string) =>
  queryOptions({
    queryKey: [...keys.all, "comparison", before, after],
    queryFn: async ({ signal }): Promise<Comparison | null> => {
      const query = { before, after, ordering: "-created_at", page_size: 1 };
      const [newest] = (await unwrap(api.GET("/api/v1/version-comparisons", { params: { query }, signal }))).results;
      return newest ? unwrap(api.GET(COMPARISON, { params: { path: { id: newest.id } }, signal })) : null;
    },
  });

export const createComparison = (body: { before: string; after: string; key: string[] }) => unwrap(api.POST("/api/v1/version-comparisons", { body }));

/** The rule of a dataset, else that of its project; null where everything is kept. */
export const keepRuleQuery = (project: string, dataset: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "keep-rule"],
    queryFn: async ({ signal }): Promise<KeepRule | null> => {
      const rules = (await unwrap(api.GET("/api/v1/keep-rules", { params: { query: { project, page_size: 500 } }, signal }))).results;
      return rules.find((rule) => rule.dataset === dataset) ?? rules.find((rule) => rule.dataset === null) ?? null;
    },
  });

export interface Rule {
  keep_last: number | null;
  keep_days: number | null;
  keep_named: boolean;
  keep_parents: boolean;
  grace_days: number;
}

/** What a rule would keep: nothing is changed by asking. */
export const wouldKeepQuery = (dataset: string, rule: Rule) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "would-keep", rule],
    queryFn: ({ signal }) =>
      unwrap(
        api.GET("/api/v1/keep-rules/would-keep", {
          params: {
            query: {
              dataset,
              keep_named: rule.keep_named,
              keep_parents: rule.keep_parents,
              ...(rule.keep_last ? { keep_last: rule.keep_last } : {}),
              ...(rule.keep_days ? { keep_days: rule.keep_days } : {}),
            },
          },
          signal,
        }),
      ),
    enabled: Boolean(rule.keep_last || rule.keep_days),
    placeholderData: (before) => before,
  });

export const setKeepRule = (body: Rule & { project: string; dataset: string }) => unwrap(api.POST("/api/v1/keep-rules", { body }));

export const removeKeepRule = (id: string): Promise<unknown> => unwrap<unknown>(api.DELETE("/api/v1/keep-rules/{id}", { params: { path: { id } } }));

export const pinVersion = ({ id, is_pinned }: { id: string; is_pinned: boolean }) =>
  unwrap(api.PUT("/api/v1/dataset-versions/{id}/pin", { params: { path: { id } }, body: { is_pinned } }));

// What people call versions ------------------------------------------------------------------------------------

export type Alias = Schemas["VersionAlias"];

const ALIAS = "/api/v1/version-aliases/{id}";

/** The aliases of a dataset, by name. */
export const aliasesQuery = (dataset: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "aliases"],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/version-aliases", { params: { query: { dataset, ordering: "name", page_size: 500 } }, signal }))).results,
  });

/** Where an alias pointed, newest first. */
export const aliasMovesQuery = (dataset: string, id: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "aliases", id],
    queryFn: async ({ signal }) => (await unwrap(api.GET(`${ALIAS}/history`, { params: { path: { id } }, signal }))).moves,
  });

/** A name that points elsewhere moves. */
export const setAlias = (body: { dataset: string; name: string; version: string }) => unwrap(api.POST("/api/v1/version-aliases", { body }));

export const removeAlias = (id: string): Promise<unknown> => unwrap<unknown>(api.DELETE(ALIAS, { params: { path: { id } } }));

/** In the place of those that it has. */
export const setTags = ({ id, tags }: { id: string; tags: string[] }) => unwrap(api.PUT("/api/v1/dataset-versions/{id}/tags", { params: { path: { id } }, body: { tags } }));
