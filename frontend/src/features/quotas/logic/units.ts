import type { Resource } from "@/lib/amounts";

/** In what people say an amount, and how much of the API's unit that is. */
export const UNITS: Readonly<Record<Resource, number>> = { cpu_millis: 1000, memory_bytes: 2 ** 30, gpus: 1 };

/** How finely people say it. */
export const decimalsOf = (resource: Resource): number => (resource === "gpus" ? 0 : 3);
