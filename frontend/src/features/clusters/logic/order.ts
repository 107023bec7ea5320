import type { components } from "@/api/schema.gen";

type Cluster = components["schemas"]["Cluster"];

/** Looked at, and not well. */
export const isIll = (cluster: Cluster): boolean => cluster.checked_at !== null && !cluster.healthy;

/** Those that somebody must look after come first; otherwise by name. */
export const inOrder = (rows: readonly Cluster[]): Cluster[] => rows.toSorted((one, other) => Number(isIll(other)) - Number(isIll(one)) || one.name.localeCompare(other.name));
