import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";
import { listed } from "./logic/jobs";

type Schemas = components["schemas"];
export type Dataset = Schemas["Dataset"];
export type Version = Schemas["DatasetVersion"];
export type VersionDetail = Schemas["DatasetVersionDetail"];
export type Source = Schemas["Source"];
export type UnfinishedUpload = Schemas["Upload"];
export type Ingestion = Schemas["Ingestion"];
export type CleaningRun = Schemas["CleaningRun"];
export type Profile = Schemas["Profile"];
export type ColumnProfile = Schemas["ColumnProfileShape"];
export type Drift = Schemas["DriftShape"];
export type ColumnDrift = Schemas["ColumnDriftShape"];
export type ProfileTable = Schemas["ProfileTableShape"];
export type Column = Schemas["ColumnShape"];
export type Sample = Schemas["SampleShape"];
export type Report = Schemas["ReportShape"];
export type StepReport = Schemas["StepDetailShape"];
export type Diff = Schemas["DiffShape"];
export type StepForm = Schemas["StepFormShape"];
export type Recipe = Schemas["Recipe"];
export type StoryStep = Schemas["StoryStep"];
export type Scalar = string | number | boolean | null;
export type ValidationRun = Schemas["ValidationRun"];
export type ValidationRunDetail = Schemas["ValidationRunDetail"];
export type JobKind = Schemas["NewestJobShape"]["kind"] | "validation_run";
export type Job = Ingestion | CleaningRun | Profile | ValidationRunDetail;
/** A job in the list of a dataset. */
export type ListedJob = { kind: "ingestion"; job: Ingestion } | { kind: "cleaning_run"; job: CleaningRun } | { kind: "validation_run"; job: ValidationRun };

const ROOT = "datasets";
const PAGE = 200;

export const keys = {
  /** Everything of this feature. */
  all: [ROOT] as const,
  lists: [ROOT, "list"] as const,
  dataset: (id: string) => [ROOT, "dataset", id] as const,
  versionsOf: (dataset: string) => [ROOT, "versions", dataset] as const,
  version: (id: string) => [ROOT, "version", id] as const,
  job: (kind: JobKind, id: string) => [ROOT, "job", kind, id] as const,
};

export interface ListAsk {
  project?: string | undefined;
  search?: string | undefined;
  /** `name`, `-row_count`. */
  sort?: string | undefined;
}

export const datasetsQuery = (ask: ListAsk) =>
  infiniteQueryOptions({
    queryKey: [...keys.lists, ask],
    queryFn: ({ pageParam, signal }) =>
      unwrap(
        api.GET("/api/v1/datasets", {
          params: {
            query: {
              page_size: PAGE,
              ordering: ask.sort ?? "-created_at",
              ...(ask.project ? { project: ask.project } : {}),
              ...(ask.search ? { search: ask.search } : {}),
              ...(pageParam ? { cursor: pageParam } : {}),
            },
          },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: nextCursor,
    placeholderData: (before) => before,
  });

export const summaryQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: [...keys.lists, "summary", project],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/datasets/summary", { params: { query: project ? { project } : {} }, signal })),
  });

export const datasetQuery = (id: string) =>
  queryOptions({
    queryKey: keys.dataset(id),
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/datasets/{id}", { params: { path: { id } }, signal })),
  });

export const versionsQuery = (dataset: string) =>
  queryOptions({
    queryKey: keys.versionsOf(dataset),
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/dataset-versions", { params: { query: { dataset, ordering: "-number", page_size: 500 } }, signal }))).results,
  });

export const sourcesQuery = (dataset: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "sources"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/sources", { params: { query: { dataset, ordering: "-created_at", page_size: 500 } }, signal }))).results,
  });

/** What the caller has begun to upload and not finished, newest first. */
export const unfinishedQuery = (user: string) =>
  queryOptions({
    queryKey: [ROOT, "unfinished", user],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/uploads", { params: { query: { uploaded_by: user, state: "receiving", ordering: "-created_at" } }, signal }))).results,
  });

/** Ingestions, cleaning and validation runs that belong to a dataset, newest first. */
export const jobsQuery = (dataset: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "jobs"],
    queryFn: async ({ signal }): Promise<ListedJob[]> => {
      const query = { dataset, ordering: "-created_at", page_size: 100 };
      const [ingestions, cleanings, validations] = await Promise.all([
        unwrap(api.GET("/api/v1/ingestions", { params: { query }, signal })),
        unwrap(api.GET("/api/v1/cleaning-runs", { params: { query }, signal })),
        unwrap(api.GET("/api/v1/validation-runs", { params: { query }, signal })),
      ]);
      return listed(ingestions.results, cleanings.results, validations.results);
    },
  });

const VERSION = "/api/v1/dataset-versions/{id}";

export const versionQuery = (id: string) =>
  queryOptions({
    queryKey: keys.version(id),
    queryFn: ({ signal }) => unwrap(api.GET(VERSION, { params: { path: { id } }, signal })),
  });

export const profileQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "profile"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/profile`, { params: { path: { id } }, signal })),
  });

export const sampleQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "sample"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/sample`, { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });

/** Small images of some rows of the sample. */
export const thumbnailsQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "thumbnails"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/thumbnails`, { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });

export const reportQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "report"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/report`, { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });

/** What is different in `after` from `before`. */
export const diffQuery = (before: string, after: string) =>
  queryOptions({
    queryKey: [...keys.version(after), "diff", before],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/diff`, { params: { path: { id: after }, query: { with: before } }, signal })),
  });

export const versionStoryQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.version(id), "story"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/story`, { params: { path: { id } }, signal })),
  });

const ADDRESS = { ingestion: "/api/v1/ingestions/{id}", cleaning_run: "/api/v1/cleaning-runs/{id}", profile: "/api/v1/profiles/{id}", validation_run: "/api/v1/validation-runs/{id}" } as const;

export const jobQuery = (kind: JobKind, id: string) =>
  queryOptions({
    queryKey: keys.job(kind, id),
    queryFn: ({ signal }): Promise<Job> => unwrap<Job>(api.GET(ADDRESS[kind], { params: { path: { id } }, signal })),
  });

export const jobStoryQuery = (kind: JobKind, id: string) =>
  queryOptions({
    queryKey: [...keys.job(kind, id), "story"],
    queryFn: ({ signal }): Promise<StoryStep[]> => unwrap(api.GET(`${ADDRESS[kind]}/story`, { params: { path: { id } }, signal })),
  });

export const recipeStepsQuery = queryOptions({
  queryKey: [ROOT, "recipe-steps"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/recipe-steps", { signal }))).steps,
  staleTime: Infinity,
});

export const ingestionOptionsQuery = queryOptions({
  queryKey: [ROOT, "ingestion-options"],
  queryFn: ({ signal }) => unwrap(api.GET("/api/v1/ingestion-options", { signal })),
  staleTime: Infinity,
});

export const recipesQuery = (project: string) =>
  queryOptions({
    queryKey: [ROOT, "recipes", project],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/recipes", { params: { query: { project, ordering: "-created_at", page_size: 500 } }, signal }))).results,
  });

/** A mutation after which this feature's queries are read again. */
export function useWrite<Input, Output>(write: (input: Input) => Promise<Output>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: write, onSuccess: () => client.invalidateQueries({ queryKey: keys.all }) });
}

export const createDataset = (body: { project: string; name: string; title: string; description: string }) => unwrap(api.POST("/api/v1/datasets", { body }));

/** `key`: asked again with the same one, it is the same ingestion. */
export const createIngestion = (body: { dataset: string; source: string; options: Record<string, unknown>; append_to?: string | null }, key?: string) =>
  unwrap(api.POST("/api/v1/ingestions", { body, ...(key ? { headers: { "Idempotency-Key": key } } : {}) }));

/** Of a version; `target` is the column that leaks are looked for against, empty to have it guessed. */
export const createProfile = ({ version, target = "" }: { version: string; target?: string }) => unwrap(api.POST("/api/v1/profiles", { body: { version, target } }));

export const createRecipe = (body: { project: string; name: string; description: string; steps: Record<string, unknown>[] }) =>
  unwrap(api.POST("/api/v1/recipes", { body }));

export const createCleaningRun = (body: { recipe: string; input_version: string; output_dataset: string | null }) =>
  unwrap(api.POST("/api/v1/cleaning-runs", { body }));

export const deprecateVersion = ({ id, detail }: { id: string; detail: string }) =>
  unwrap(api.POST(`${VERSION}/deprecate`, { params: { path: { id } }, body: { detail } }));

export const cancelJob = ({ kind, id }: { kind: JobKind; id: string }): Promise<unknown> =>
  unwrap<unknown>(api.POST(`${ADDRESS[kind]}/cancel`, { params: { path: { id } } }));

/** Where a file is fetched from. */
export const fileAddress = (version: string, name: string): string => `/api/v1/dataset-versions/${version}/files/${encodeURIComponent(name)}`;
export const quarantineAddress = (ingestion: string): string => `/api/v1/ingestions/${ingestion}/quarantine`;
export const sourceAddress = (source: string): string => `/api/v1/sources/${source}/download`;
