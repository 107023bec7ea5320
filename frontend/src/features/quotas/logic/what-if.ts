import type { components } from "@/api/schema.gen";

/** The form of a what-if: what its address holds, what is missing, what the answer's figures come to. Pure. */

type Schemas = components["schemas"];
export type Change = Schemas["ChangeRequest"];
export type ChangeKind = Change["kind"];
export type Basis = Schemas["WhatIfBasis"];
export type WhatIf = Schemas["WhatIf"];

export const KINDS: readonly ChangeKind[] = ["quota", "weight", "priority", "add_nodes", "remove_nodes"];
export const HOURS: readonly number[] = [0, 1, 6, 24, 72, 168];
export const HOURS_MOST = 168;
const CHANGES_MOST = 100;
const RESOURCES: readonly string[] = ["gpus", "cpu_millis", "memory_bytes"];

const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value) && value >= 0;
const isLimit = (value: unknown): value is number | null => value === null || isNumber(value);
const isInteger = (value: unknown): value is number => typeof value === "number" && Number.isSafeInteger(value);

/** What each property must be to stay. */
const FITS: Readonly<Record<Exclude<keyof Change, "kind">, (value: unknown) => boolean>> = {
  queue: isText,
  cohort: isText,
  resource: (value) => isText(value) && RESOURCES.includes(value),
  flavor: (value) => typeof value === "string",
  nominal: isLimit,
  borrowing_limit: isLimit,
  lending_limit: isLimit,
  weight: isLimit,
  workload: isText,
  priority: isInteger,
  like: isText,
  count: isInteger,
  nodes: (value) => Array.isArray(value) && value.every(isText),
};

/** The changes of an address, whoever wrote it: what makes no sense is left out. */
export function changesOf(value: unknown): Change[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.slice(0, CHANGES_MOST).flatMap((each: unknown): Change[] => {
    if (typeof each !== "object" || each === null || !("kind" in each)) return [];
    const kind = KINDS.find((one) => one === each.kind);
    if (!kind) return [];
    const kept = Object.entries(each).filter(([name, one]) => name in FITS && FITS[name as keyof typeof FITS](one));
    return [{ ...(Object.fromEntries(kept) as Omit<Change, "kind">), kind }];
  });
  return found.length ? found : undefined;
}

/** A change to fill in. */
export function freshChange(kind: ChangeKind): Change {
  switch (kind) {
    case "weight":
      return { kind, weight: 1 };
    case "add_nodes":
      return { kind, count: 1 };
    case "priority":
      return { kind, priority: 0 };
    case "remove_nodes":
      return { kind, nodes: [] };
    case "quota":
      return { kind };
  }
}

/** Whether nothing of it is missing. */
export function isWhole(change: Change): boolean {
  const owner = Boolean(change.queue) !== Boolean(change.cohort);
  switch (change.kind) {
    case "quota":
      return owner && change.resource !== undefined && lendsMostOf(change) <= (change.nominal ?? Number.POSITIVE_INFINITY);
    case "weight":
      return owner && typeof change.weight === "number";
    case "priority":
      return change.workload !== undefined && change.priority !== undefined;
    case "add_nodes":
      return change.like !== undefined && (change.count ?? 0) >= 1;
    case "remove_nodes":
      return Boolean(change.nodes?.length);
  }
}

const lendsMostOf = ({ lending_limit: most, nominal }: Change): number => (nominal === null || nominal === undefined ? 0 : (most ?? 0));

/** The same whatever the order of its properties; nothing and null are told apart, as the API does. */
const written = (change: Change): string => JSON.stringify(Object.entries(change).sort(([a], [b]) => a.localeCompare(b)));

/** Whether an answer is to this question. */
export function answers(found: Pick<WhatIf, "pool" | "basis" | "hours" | "changes">, asked: { pool: string; basis: Basis; hours: number; changes: readonly Change[] }): boolean {
  if (found.pool !== asked.pool || found.basis !== asked.basis || (found.hours ?? 0) !== asked.hours) return false;
  return found.changes.length === asked.changes.length && found.changes.every((change, index) => written(change) === written(asked.changes[index] ?? { kind: "quota" }));
}

export interface Delta {
  verdict: "better" | "worse" | "same";
  /** Without its sign. */
  by: number;
  /** Whether it is more than before. */
  more: boolean;
}

/** What became of a figure; less than `least` is no difference. */
export function deltaOf(before: number, after: number, wanted: "less" | "more" | "none", least = 0): Delta {
  const by = after - before;
  if (Math.abs(by) <= least || wanted === "none") return { verdict: "same", by: Math.abs(by) <= least ? 0 : Math.abs(by), more: by > 0 };
  return { verdict: by < 0 === (wanted === "less") ? "better" : "worse", by: Math.abs(by), more: by > 0 };
}
