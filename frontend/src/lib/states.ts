import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];

/** How a state looks: its colour and its icon. The word comes from `states:<noun>.<state>`. */
export type Tone = "waiting" | "running" | "succeeded" | "failed" | "cancelled" | "stopping";

type Of<State extends string> = Readonly<Record<State, Tone>>;

const RUN: Of<Schemas["RunState"]> = {
  draft: "cancelled",
  queued: "waiting",
  running: "running",
  stopping: "stopping",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};
const WORKLOAD: Of<Schemas["WorkloadState"]> = {
  pending: "waiting",
  admitted: "waiting",
  launching: "waiting",
  running: "running",
  stopping: "stopping",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};
const JOB: Of<Schemas["JobState"]> = {
  queued: "waiting",
  running: "running",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
};
const DATASET_VERSION: Of<Schemas["DatasetVersionState"] | "blocked"> = {
  // Of those that are validating the ones that failed: no state of the server, but what readers look for.
  blocked: "failed",
  draft: "waiting",
  validating: "running",
  published: "succeeded",
  deprecated: "cancelled",
  rejected: "failed",
};
const SCHEDULE: Of<Schemas["ScheduleState"]> = { active: "running", paused: "waiting", retired: "cancelled" };
const MODEL_VERSION: Of<Schemas["ModelVersionState"]> = { pending: "waiting", ready: "succeeded", archived: "cancelled" };
const REVISION: Of<Schemas["RevisionState"]> = {
  pending: "waiting",
  loading: "running",
  ready: "succeeded",
  draining: "stopping",
  retired: "cancelled",
  failed: "failed",
};
const ENDPOINT: Of<Schemas["EndpointState"]> = {
  serving: "succeeded",
  loading: "running",
  failed: "failed",
  stopped: "cancelled",
};
const APPROVAL: Of<Schemas["ApprovalState"]> = {
  pending: "waiting",
  approved: "succeeded",
  denied: "failed",
  expired: "cancelled",
  withdrawn: "cancelled",
};
const WHAT_IF: Of<Schemas["WhatIfState"]> = { queued: "waiting", running: "running", succeeded: "succeeded", failed: "failed" };
/** No states of the server: what its last check found. */
const CLUSTER: Of<"unseen" | "well" | "ill"> = { unseen: "waiting", well: "succeeded", ill: "failed" };
const TOKEN: Of<Schemas["TokenState"]> = { active: "succeeded", revoked: "cancelled", expired: "cancelled" };

/** Every noun that has states, exhaustively: a new state of the API does not compile until it has a colour and a word. */
export const TONES = {
  run: RUN,
  workload: WORKLOAD,
  job: JOB,
  dataset_version: DATASET_VERSION,
  ingestion_schedule: SCHEDULE,
  model_version: MODEL_VERSION,
  revision: REVISION,
  endpoint: ENDPOINT,
  approval: APPROVAL,
  token: TOKEN,
  what_if: WHAT_IF,
  cluster: CLUSTER,
} as const;

export type Noun = keyof typeof TONES;
export type StateOf<N extends Noun> = keyof (typeof TONES)[N] & string;

/** The tone of a state; of one that this page does not know yet, the quiet one. */
export function toneOf(noun: Noun, state: string): Tone {
  return (TONES[noun] as Readonly<Record<string, Tone>>)[state] ?? "cancelled";
}

/** States from which nothing moves any more. */
const ENDED = new Set(["succeeded", "failed", "cancelled", "retired", "revoked", "expired", "approved", "denied", "withdrawn", "rejected"]);

export const isOver = (state: string): boolean => ENDED.has(state);
