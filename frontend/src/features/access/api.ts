import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { nextCursor } from "@/api/pages";
import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type Member = Schemas["Member"];
export type Role = Schemas["Role"];
export type Token = Schemas["Token"];
export type Scope = Schemas["ScopesEnum"];
export type Approval = Schemas["Approval"];
export type AuditEvent = Schemas["AuditEvent"];
export type Secret = Schemas["Secret"];

const byId = (id: string) => ({ params: { path: { id } } });
const within = (project: string | undefined) => (project ? { project } : {});

export const membersKey = (project: string) => ["project", project, "members"] as const;
export const membersQuery = (project: string) =>
  queryOptions({
    queryKey: membersKey(project),
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/projects/{id}/members", { ...byId(project), signal }))).results,
  });

export const putMember = (project: string, user: string, role: Role): Promise<unknown> =>
  unwrap(api.PUT("/api/v1/projects/{id}/members", { ...byId(project), body: { user, role } }));

export const removeMember = (project: string, user: string): Promise<unknown> =>
  unwrap(api.DELETE("/api/v1/projects/{id}/members/{user}", { params: { path: { id: project, user } } }));

export const peopleQuery = (search: string) =>
  queryOptions({
    queryKey: ["users", search],
    enabled: search.length > 0,
    staleTime: 30_000,
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/users", { params: { query: { search, page_size: 10 } }, signal }))).results,
  });

export const rolesQuery = queryOptions({
  queryKey: ["roles"],
  staleTime: Infinity,
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/roles", { signal }))).results,
});

export const tokensKey = ["tokens"] as const;
export const tokensQuery = queryOptions({
  queryKey: tokensKey,
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/tokens", { params: { query: { page_size: 200 } }, signal }))).results,
});

export const createToken = (body: Schemas["TokenCreateRequest"]): Promise<Schemas["NewToken"]> => unwrap(api.POST("/api/v1/tokens", { body }));
export const revokeToken = (id: string): Promise<unknown> => unwrap(api.DELETE("/api/v1/tokens/{id}", byId(id)));

/** The arguments of the command `quota.set`. */
export type QuotaAsked = Pick<Schemas["QuotaSetRequest"], "queue" | "resource" | "nominal"> & { flavor: string };

export const quotasQuery = (queue: string) =>
  queryOptions({
    queryKey: ["quotas", queue],
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/quotas", { params: { query: { queue, page_size: 200 } }, signal }))).results,
  });

export const approvalsKey = ["approvals"] as const;
export const approvalsQuery = (project: string | undefined) =>
  infiniteQueryOptions({
    queryKey: [...approvalsKey, project ?? ""],
    initialPageParam: "",
    queryFn: ({ signal, pageParam }) =>
      unwrap(api.GET("/api/v1/approvals", { params: { query: { ...within(project), ...(pageParam ? { cursor: pageParam } : {}), page_size: 50 } }, signal })),
    getNextPageParam: nextCursor,
  });

export type Decision = "approve" | "deny" | "withdraw";
export function decide(id: string, decision: Decision, comment: string): Promise<unknown> {
  if (decision === "approve") return unwrap(api.POST("/api/v1/approvals/{id}/approve", { ...byId(id), body: { comment } }));
  if (decision === "deny") return unwrap(api.POST("/api/v1/approvals/{id}/deny", { ...byId(id), body: { comment } }));
  return unwrap(api.POST("/api/v1/approvals/{id}/withdraw", byId(id)));
}

export interface AuditAsked {
  project?: string | undefined;
  action?: string | undefined;
  actor?: string | undefined;
  /** `<kind>` or `<kind>:<id>`. */
  target?: string | undefined;
}

export const auditQuery = ({ project, action, actor, target }: AuditAsked) => {
  const [kind, id] = (target ?? "").split(":");
  const query = {
    ...within(project),
    ...(action ? { action } : {}),
    ...(actor ? { actor_id: actor } : {}),
    ...(kind ? { subject_kind: kind } : {}),
    ...(id ? { subject_id: id } : {}),
    page_size: 100,
  };
  return infiniteQueryOptions({
    queryKey: ["audit", query],
    initialPageParam: "",
    queryFn: ({ signal, pageParam }) => unwrap(api.GET("/api/v1/audit-events", { params: { query: { ...query, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    getNextPageParam: nextCursor,
  });
};

export const secretsKey = (project: string | undefined) => ["secrets", project ?? ""] as const;
export const secretsQuery = (project: string | undefined) =>
  queryOptions({
    queryKey: secretsKey(project),
    queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/secrets", { params: { query: { ...within(project), page_size: 200 } }, signal }))).results,
  });
export const setSecret = (body: Schemas["SecretSetRequest"]): Promise<unknown> => unwrap(api.POST("/api/v1/secrets", { body }));
export const deleteSecret = (id: string): Promise<unknown> => unwrap(api.DELETE("/api/v1/secrets/{id}", byId(id)));
