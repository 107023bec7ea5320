import { getRouteApi, useNavigate } from "@tanstack/react-router";

/** What every address may carry. */
export interface ShellSearch {
  /** Name of the project whose things are shown; all of them without it. */
  project?: string | undefined;
}

export const shellSearch = (search: Record<string, unknown>): ShellSearch =>
  typeof search.project === "string" && search.project ? { project: search.project } : {};

/** One text of an address, or undefined. */
export const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;

/** One of the allowed texts, or undefined. */
export const oneOf = <T extends string>(value: unknown, allowed: readonly T[]): T | undefined => allowed.find((each) => each === value);

/** A list of texts: a single one counts as a list. */
export const texts = (value: unknown): string[] | undefined => {
  const list = (Array.isArray(value) ? value : [value]).map(text).filter((each) => each !== undefined);
  return list.length ? list : undefined;
};

/** A step of a recipe, or undefined. */
export const step = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === "object" && value !== null && "kind" in value && typeof value.kind === "string" ? { ...value } : undefined;

const root = getRouteApi("__root__");

/** The name of the chosen project, or undefined for all. */
export const useProjectName = (): string | undefined => root.useSearch().project;

/** Show another project's things: the same page. */
export function useChooseProject(): (name: string | undefined) => void {
  const navigate = useNavigate();
  return (name) => void navigate({ to: ".", search: (before) => ({ ...before, project: name }) });
}
