import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type Model = Schemas["RegisteredModel"];
export type Version = Schemas["ModelVersion"];
export type Alias = Model["aliases"][number];
export type Signature = Schemas["Signature"];
export type VersionFile = Schemas["VersionFile"];
export type VersionApproval = Schemas["VersionApproval"];

const MOST = 200;
export const keys = {
  models: ["models"] as const,
  lists: ["models", "list"] as const,
  model: (id: string) => ["models", "one", id] as const,
  versions: ["model-versions"] as const,
  version: (id: string) => ["model-versions", "one", id] as const,
};

export const modelsQuery = (asked: { project: string | undefined; search: string | undefined }) =>
  infiniteQueryOptions({
    queryKey: [...keys.lists, asked.project ?? "", asked.search ?? ""],
    queryFn: ({ signal, pageParam }) => {
      const { project, search } = asked;
      const query = { ...(project ? { project } : {}), ...(search ? { search } : {}), ...(pageParam ? { cursor: pageParam } : {}), page_size: 100 };
      return unwrap(api.GET("/api/v1/models", { params: { query }, signal }));
    },
    initialPageParam: "",
    getNextPageParam: nextCursor,
  });

export const modelQuery = (id: string) =>
  queryOptions({
    queryKey: keys.model(id),
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/models/{id}", { params: { path: { id } }, signal })),
  });

/** The newest first. */
export const versionsQuery = (model: string) =>
  infiniteQueryOptions({
    queryKey: [...keys.versions, "of", model],
    queryFn: ({ signal, pageParam }) =>
      unwrap(api.GET("/api/v1/model-versions", { params: { query: { model, ordering: "-number", page_size: 50, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: "",
    getNextPageParam: nextCursor,
  });

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.version(id),
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/model-versions/{id}", { params: { path: { id } }, signal })),
  });

export const versionStoryQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "story"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/model-versions/{id}/story", { params: { path: { id } }, signal })),
  });

export const signatureQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "signature"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/model-versions/{id}/signature", { params: { path: { id } }, signal })),
    // A version never changes.
    staleTime: Infinity,
  });

/** Its files with their digests and what was seen in them, and requests to use it although loading it runs code. */
export const versionFilesQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "files"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/model-versions/{id}/files", { params: { path: { id } }, signal })),
  });

/** Ask an admin of the project; takes why. */
export function useRequestApproval(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (comment: string) => unwrap(api.POST("/api/v1/model-versions/{id}/request-approval", { params: { path: { id } }, body: { comment } })),
    onSuccess: (files) => client.setQueryData(versionFilesQuery(id).queryKey, files),
  });
}

/** Endpoints that serve a version now. */
export const servedByQuery = (version: string) =>
  queryOptions({
    queryKey: ["endpoints", "of-version", version],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/endpoints", { params: { query: { model_version: version, page_size: MOST } }, signal }))).results,
  });

/** Models of a project, to register into. */
export const modelChoiceQuery = (project: string) =>
  queryOptions({
    queryKey: [...keys.models, "choice", project],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/models", { params: { query: { project, page_size: MOST } }, signal }))).results,
  });

/** Runs of a project that succeeded, the newest first, by words of their names. */
export const runChoiceQuery = (project: string, search: string) =>
  queryOptions({
    queryKey: ["runs", "choice", project, search],
    queryFn: async ({ signal }) => {
      const query = { project, state: "succeeded" as const, ordering: "-created_at", page_size: 50, ...(search ? { search } : {}) };
      return (await unwrap(api.GET("/api/v1/runs", { params: { query }, signal }))).results;
    },
    placeholderData: (before) => before,
  });

/** One of them, or any other, by its id. */
export const chosenRunQuery = (run: string) =>
  queryOptions({
    queryKey: ["runs", "chosen", run],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}", { params: { path: { id: run } }, signal })),
  });

/** A write to the registry: what is shown of it is read again. */
function useWrite<Asked, Answer>(write: (asked: Asked) => Promise<Answer>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSuccess: () => Promise.all([client.invalidateQueries({ queryKey: keys.models }), client.invalidateQueries({ queryKey: keys.versions })]),
  });
}

/** A new version of a model, from a run; of a model that there is, or of one made for it. */
export const useRegister = () =>
  useWrite(async (asked: { project: string; run: string; model?: string; name?: string; key: string }) => {
    const model = asked.model ?? (await unwrap(api.POST("/api/v1/models", { body: { project: asked.project, name: asked.name ?? "", description: "" } }))).id;
    return unwrap(api.POST("/api/v1/model-versions", { body: { model, run: asked.run }, params: { header: { "Idempotency-Key": asked.key } } }));
  });

export const useSetAlias = () => useWrite((asked: { model: string; name: string; version: string }) => unwrap(api.POST("/api/v1/model-aliases", { body: asked })));
export const useRemoveAlias = () => useWrite((id: string) => unwrap(api.DELETE("/api/v1/model-aliases/{id}", { params: { path: { id } } })));
export const useArchive = () => useWrite((id: string) => unwrap(api.POST("/api/v1/model-versions/{id}/archive", { params: { path: { id } } })));
