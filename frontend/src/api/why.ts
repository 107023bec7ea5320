import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema.gen";

type Schemas = components["schemas"];
export type Why = Schemas["Why"];
export type StartBand = Schemas["StartBand"];
export type StartEstimate = Schemas["StartEstimate"];
export type Accuracy = Schemas["Accuracy"];

const byId = (id: string) => ({ params: { path: { id } } });

/** Everything of one workload is below it. */
export const workloadKey = (id: string) => ["workloads", id] as const;

export const workloadQuery = (id: string) =>
  queryOptions({
    queryKey: [...workloadKey(id), "detail"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/workloads/{id}", { ...byId(id), signal })),
  });

/** Why it waits and until when, and how far such estimates have been off. */
export const whyQuery = (id: string) =>
  queryOptions({
    queryKey: [...workloadKey(id), "why"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/workloads/{id}/why", { ...byId(id), signal })),
    staleTime: 2_000,
  });
