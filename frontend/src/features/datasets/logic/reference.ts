/** What a program names a version by: it means the same everywhere in this installation. */
export const referenceOf = ({ project_name: project, dataset_name: dataset }: { project_name: string; dataset_name: string }, version: string | number): string => `bedplate://${project}/${dataset}@${version}`;

const ALIAS = /^[a-z][a-z0-9_-]{0,59}$/;

/** What is wrong with a name for an alias, as the server says it; null where nothing is. */
export const aliasProblem = (name: string): "latest" | "form" | null => (name === "latest" ? "latest" : ALIAS.test(name) ? null : "form");

/** What setting a name does: it is new, moves, or points there already. */
export function aliasEffect<A extends { name: string; version: string }>(aliases: readonly A[], name: string, version: string): { kind: "new" } | { kind: "moves" | "same"; alias: A } {
  const alias = aliases.find((each) => each.name === name);
  return alias ? { kind: alias.version === version ? "same" : "moves", alias } : { kind: "new" };
}
