/** By the first part of an address of the dashboard: the page of the guide that is about it. */
const ABOUT: Readonly<Record<string, string>> = {
  "": "concepts",
  datasets: "datasets",
  "dataset-versions": "datasets",
  "dataset-jobs": "datasets",
  "ingestion-schedules": "datasets",
  runs: "runs",
  models: "models",
  "model-versions": "models",
  endpoints: "endpoints",
  quotas: "quotas",
  "what-if": "quotas",
  clusters: "clusters",
  queue: "quotas",
  workloads: "quotas",
  access: "access",
};
export const FIRST = "get-started";

/** Where the guide says something about a page of the dashboard; without one, where it begins. */
export function guidePath(language: string, path?: string): string {
  const section = path?.split("/")[1];
  const page = section === undefined ? FIRST : (ABOUT[section] ?? FIRST);
  return `/help/${language}/${page}`;
}
