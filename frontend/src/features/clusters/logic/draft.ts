import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
type Cluster = Schemas["Cluster"];
export type Kind = Schemas["ConnectionKind"];
type Change = Schemas["PatchedClusterChangeRequest"];

export const KINDS = ["kubeconfig", "token", "in_cluster"] as const satisfies readonly Kind[];
export const NAME = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/;

/** What somebody types to add a cluster or to change one. Credentials begin empty: nobody can read those that are kept. */
export interface ClusterDraft {
  name: string;
  kind: Kind;
  /** Whether how to connect is said anew; of a new cluster it always is. */
  reconnects: boolean;
  kubeconfig: string;
  server: string;
  ca_pem: string;
  token: string;
  namespace_prefix: string;
  makes_namespaces: boolean;
  job_api_url: string;
  runtime_image: string;
  requests_per_second: number | string;
  /** JSON. */
  options: string;
}

export const freshDraft = (): ClusterDraft => ({
  name: "",
  kind: "kubeconfig",
  reconnects: true,
  kubeconfig: "",
  server: "",
  ca_pem: "",
  token: "",
  namespace_prefix: "bedplate",
  makes_namespaces: true,
  job_api_url: "",
  runtime_image: "",
  requests_per_second: 50,
  options: "",
});

export const draftOf = (cluster: Cluster): ClusterDraft => ({
  ...freshDraft(),
  name: cluster.name,
  kind: cluster.kind,
  reconnects: false,
  server: cluster.kind === "token" ? cluster.server ?? "" : "",
  ca_pem: cluster.kind === "token" ? cluster.ca_pem ?? "" : "",
  namespace_prefix: cluster.namespace_prefix ?? "bedplate",
  makes_namespaces: cluster.makes_namespaces ?? true,
  job_api_url: cluster.job_api_url ?? "",
  runtime_image: cluster.runtime_image ?? "",
  requests_per_second: cluster.requests_per_second ?? 50,
  options: Object.keys(cluster.options).length ? JSON.stringify(cluster.options, null, 2) : "",
});

export type Wrong = "name" | "kubeconfig" | "server" | "token" | "requests_per_second" | "options";

/** The fields that cannot be sent as they are; what is in them in detail, the API says. */
export function problemsOf(draft: ClusterDraft, isNew: boolean): Wrong[] {
  const found: Wrong[] = [];
  if (isNew && !NAME.test(draft.name.trim())) found.push("name");
  if (draft.reconnects && draft.kind === "kubeconfig" && !draft.kubeconfig.trim()) found.push("kubeconfig");
  if (draft.reconnects && draft.kind === "token") {
    if (!draft.server.trim().startsWith("https://")) found.push("server");
    if (!draft.token.trim()) found.push("token");
  }
  const each = Number(draft.requests_per_second);
  if (!Number.isInteger(each) || each < 1 || each > 1000) found.push("requests_per_second");
  if (optionsOf(draft.options) === null) found.push("options");
  return found;
}

/** The options as they are sent; null: what was typed is no JSON object. */
export function optionsOf(text: string): Record<string, unknown> | null {
  if (!text.trim()) return {};
  try {
    const found: unknown = JSON.parse(text);
    return typeof found === "object" && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** What is sent: how to connect as a whole, or nothing of it; of the rest what differs from `known`, if there is one. */
export function bodyOf(draft: ClusterDraft, known: Cluster | null): Change {
  const settings: Change = {
    namespace_prefix: draft.namespace_prefix.trim(),
    makes_namespaces: draft.makes_namespaces,
    job_api_url: draft.job_api_url.trim(),
    runtime_image: draft.runtime_image.trim(),
    requests_per_second: Number(draft.requests_per_second),
    options: optionsOf(draft.options) ?? {},
  };
  const changed = known ? Object.fromEntries(Object.entries(settings).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(known[name as keyof Cluster]))) : settings;
  return { ...changed, ...(draft.reconnects ? connectionOf(draft) : {}) };
}

function connectionOf(draft: ClusterDraft): Change {
  if (draft.kind === "kubeconfig") return { kind: draft.kind, kubeconfig: draft.kubeconfig };
  if (draft.kind === "token") return { kind: draft.kind, server: draft.server.trim(), ca_pem: draft.ca_pem, token: draft.token.trim() };
  return { kind: draft.kind };
}
