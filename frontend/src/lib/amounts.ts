import type { components } from "@/api/schema.gen";
import { bytes, cores, count } from "./format";

export type Resource = components["schemas"]["Resource"];

/** A quantity of a resource without its unit: cores, bytes with theirs, devices. */
export const amountText = (resource: Resource, value: number): string => (resource === "memory_bytes" ? bytes(value) : resource === "cpu_millis" ? cores(value) : count(value));

const ORDER: readonly Resource[] = ["gpus", "cpu_millis", "memory_bytes"];

/** GPUs first, then CPU, then memory; kinds of GPU by name. */
export const byResource = (a: { resource: Resource; flavor: string }, b: { resource: Resource; flavor: string }): number =>
  ORDER.indexOf(a.resource) - ORDER.indexOf(b.resource) || a.flavor.localeCompare(b.flavor);
