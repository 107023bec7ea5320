import type { Version } from "../api";

/** A version that rows are appended to, with its dataset: of another dataset it means nothing. */
export interface Base {
  dataset: string;
  version: string;
}

/** Versions that rows can be appended to, newest first, as far as a list tells; the server refuses some that were made long ago. */
export const appendable = (versions: readonly Version[]): Version[] =>
  versions.filter(({ state, splits, data_tombstoned_at: gone, data_deleted_at: deleted }) => state === "published" && Object.keys(splits).length === 0 && !gone && !deleted);

/** The version to append to, of what was chosen: nothing where files go into another dataset. */
export const baseIn = (base: Base | null, dataset: string | null): string | null => (base !== null && base.dataset === dataset ? base.version : null);

/** The first names, and how many more there are. */
export function named(columns: readonly { name: string }[], most = 8): { names: string; more: number } {
  return { names: columns.slice(0, most).map(({ name }) => name).join(", "), more: Math.max(0, columns.length - most) };
}
