import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { keys } from "./api";

type Schemas = components["schemas"];
export type Expectation = Schemas["Expectation"];
export type ExpectationForm = Schemas["ExpectationFormShape"];
export type ExpectationKind = Expectation["kind"];
export type Parameters = Expectation["parameters"];
export type Severity = NonNullable<Expectation["severity"]>;
export type Quality = Schemas["VersionQuality"];
export type Result = Schemas["ResultShape"];
export type Proposal = Schemas["ProposalShape"];
export type Wanted = Pick<Expectation, "kind" | "parameters"> & { severity: Severity; description: string };

const VERSION = "/api/v1/dataset-versions/{id}";
const MOST = 500;

export const qualityQuery = (version: string) =>
  queryOptions({
    queryKey: [...keys.version(version), "quality"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/quality`, { params: { path: { id: version } }, signal })),
  });

export const expectationsQuery = (dataset: string) =>
  queryOptions({
    queryKey: [...keys.dataset(dataset), "expectations"],
    queryFn: async ({ signal }) =>
      (await unwrap(api.GET("/api/v1/expectations", { params: { query: { dataset, ordering: "created_at", page_size: MOST } }, signal }))).results,
  });

export const expectationKindsQuery = queryOptions({
  queryKey: [...keys.all, "expectation-kinds"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/expectation-kinds", { signal }))).kinds,
  staleTime: Infinity,
});

export const proposalsQuery = (version: string) =>
  queryOptions({
    queryKey: [...keys.version(version), "proposals"],
    queryFn: ({ signal }) => unwrap(api.GET(`${VERSION}/proposed-expectations`, { params: { path: { id: version } }, signal })),
  });

/** Of a project, to choose from. */
export const siblingsQuery = (project: string) =>
  queryOptions({
    queryKey: [...keys.lists, "siblings", project],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/datasets", { params: { query: { project, ordering: "name", page_size: MOST } }, signal }))).results,
  });

export const createExpectations = ({ dataset, expectations }: { dataset: string; expectations: Wanted[] }) =>
  unwrap(api.POST("/api/v1/expectations/bulk", { body: { dataset, expectations } }));

export const changeExpectation = ({ id, ...body }: { id: string } & Partial<Omit<Wanted, "kind">> & { is_active?: boolean }) =>
  unwrap(api.PATCH("/api/v1/expectations/{id}", { params: { path: { id } }, body }));

export const validateVersion = (id: string) => unwrap(api.POST(`${VERSION}/validate`, { params: { path: { id } } }));

export const rejectVersion = ({ id, detail }: { id: string; detail: string }) => unwrap(api.POST(`${VERSION}/reject`, { params: { path: { id } }, body: { detail } }));

export const askOverride = ({ id, comment }: { id: string; comment: string }) => unwrap(api.POST(`${VERSION}/override`, { params: { path: { id } }, body: { comment } }));
