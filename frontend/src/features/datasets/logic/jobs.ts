import type { CleaningRun, Ingestion, ListedJob, ValidationRun } from "../api";

/** Jobs in one list, newest first. A validation run that is the note of what another job found on its way is that job: it is listed once. */
export function listed(ingestions: readonly Ingestion[], cleanings: readonly CleaningRun[], validations: readonly ValidationRun[]): ListedJob[] {
  const makers: ListedJob[] = [...ingestions.map((job) => ({ kind: "ingestion" as const, job })), ...cleanings.map((job) => ({ kind: "cleaning_run" as const, job }))];
  const known = new Set(makers.map(({ job }) => job.workload));
  const own = validations.filter(({ workload }) => !known.has(workload)).map((job) => ({ kind: "validation_run" as const, job }));
  return [...makers, ...own].sort((a, b) => (a.job.created_at < b.job.created_at ? 1 : -1));
}
