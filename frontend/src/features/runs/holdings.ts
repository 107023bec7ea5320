import { bytes, cores, count } from "@/lib/format";

/** What a workload has, in the API's units. */
export interface Held {
  cpu_millis: number;
  memory_bytes: number;
  gpus?: number | undefined;
  flavor?: string | undefined;
  flavor_granted?: string | undefined;
  count_granted?: number | undefined;
}

/** All of it together in words: `3 × H200, 8 CPU, 32 GiB`. `cpu`: the word for processors. */
export function holdings(held: readonly Held[], cpu: string): string {
  const gpus = new Map<string, number>();
  let millis = 0;
  let memory = 0;
  for (const each of held) {
    const members = Math.max(1, each.count_granted ?? 1);
    const flavor = (each.flavor_granted || each.flavor) ?? "";
    if (each.gpus) gpus.set(flavor || "GPU", (gpus.get(flavor || "GPU") ?? 0) + each.gpus * members);
    millis += each.cpu_millis * members;
    memory += each.memory_bytes * members;
  }
  return [...[...gpus].map(([flavor, n]) => `${count(n)} × ${flavor}`), `${cores(millis)} ${cpu}`, bytes(memory)].join(", ");
}
