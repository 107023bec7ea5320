import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient, type QueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";
import { WINDOWS, goOn, type Figures, type WindowName } from "./figures";

type Schemas = components["schemas"];
export type Endpoint = Schemas["Endpoint"];
export type Revision = Schemas["Revision"];
export type Signature = Schemas["Signature"];
export type Tried = Schemas["Tried"];
export type ModelVersion = Schemas["ModelVersion"];

const MOST = 200;
export const keys = {
  all: ["endpoints"] as const,
  lists: ["endpoints", "list"] as const,
  summary: ["endpoints", "summary"] as const,
  endpoint: (id: string) => ["endpoints", "one", id] as const,
};

const within = (project: string | undefined) => (project ? { project } : {});

export const endpointsQuery = (asked: { project: string | undefined; search: string | undefined }) =>
  infiniteQueryOptions({
    queryKey: [...keys.lists, asked.project ?? "", asked.search ?? ""],
    queryFn: ({ signal, pageParam }) => {
      const query = { ...within(asked.project), ...(asked.search ? { search: asked.search } : {}), ...(pageParam ? { cursor: pageParam } : {}), page_size: 100 };
      return unwrap(api.GET("/api/v1/endpoints", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: nextCursor,
  });

export const summaryQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: [...keys.summary, project ?? ""],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/endpoints/summary", { params: { query: within(project) }, signal })),
  });

export const endpointQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.endpoint(id), "endpoint"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/endpoints/{id}", { params: { path: { id } }, signal })),
  });

/** Of the endpoint, newest first. */
export const revisionsQuery = (endpoint: string) =>
  queryOptions({
    queryKey: [...keys.endpoint(endpoint), "revisions"],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/revisions", { params: { query: { endpoint, ordering: "-number", page_size: 50 } }, signal }))).results,
  });

export const revisionStoryQuery = (id: string) =>
  queryOptions({
    queryKey: ["revisions", id, "story"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/revisions/{id}/story", { params: { path: { id } }, signal })),
  });

export const signatureQuery = (endpoint: string, version: string) =>
  queryOptions({
    queryKey: [...keys.endpoint(endpoint), "signature", version],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/endpoints/{id}/signature", { params: { path: { id: endpoint } }, signal })),
    // The record that somebody fills in does not change under their hands.
    staleTime: Infinity,
  });

/** What the endpoint did of late. Read again, it asks only for what came since, as far as that is in the window. */
export const figuresQuery = (client: QueryClient, id: string, name: WindowName) => {
  const queryKey = [...keys.endpoint(id), "figures", name] as const;
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }): Promise<Figures> => {
      const { seconds, step } = WINDOWS[name];
      const before = client.getQueryData<Figures>(queryKey);
      const oldest = Date.now() - seconds * 1000;
      const since = before && Date.parse(before.until) > oldest ? before.until : new Date(oldest).toISOString();
      const later = await unwrap(api.GET("/api/v1/endpoints/{id}/figures", { params: { path: { id }, query: { since, step } }, signal }));
      return before && since === before.until ? goOn(before, later, seconds) : later;
    },
    structuralSharing: false,
    staleTime: WINDOWS[name].step * 500,
  });
};

/** Versions that can be deployed, the newest first. */
export const readyVersionsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: ["model-versions", "ready", project ?? ""],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/model-versions", { params: { query: { ...within(project), state: "ready", ordering: "-created_at", page_size: MOST } }, signal }))).results,
  });

export const endpointChoiceQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: [...keys.all, "choice", project ?? ""],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/endpoints", { params: { query: { ...within(project), ordering: "name", page_size: MOST } }, signal }))).results,
  });

export interface DeployAsked {
  project: string;
  /** Of an endpoint that there is; else `name`. */
  endpoint: string | null;
  name: string;
  model_version: string;
  replicas: number;
}

/** A new endpoint, or the next revision of one; gives the endpoint's id. */
export function useDeploy() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ asked, key }: { asked: DeployAsked; key: string }): Promise<string> => {
      const params = { header: { "Idempotency-Key": key } };
      const { project, endpoint, name, model_version, replicas } = asked;
      if (endpoint) return (await unwrap(api.POST("/api/v1/revisions", { body: { endpoint, model_version, replicas }, params }))).endpoint;
      return (await unwrap(api.POST("/api/v1/endpoints", { body: { project, name, model_version, replicas }, params }))).id;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.all }),
  });
}

export function useStopEndpoint(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => unwrap(api.POST("/api/v1/endpoints/{id}/stop", { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.all }),
  });
}

export function useTry(id: string) {
  return useMutation({
    mutationFn: (record: Record<string, unknown>) => unwrap(api.POST("/api/v1/endpoints/{id}/try", { params: { path: { id } }, body: { records: [record] } })),
  });
}
