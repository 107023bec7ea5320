/** What differs between the files of two source bundles. Pure. */

export interface SourceFile {
  /** Below the folder. */
  name: string;
  size_bytes: number;
  sha256: string;
  is_executable: boolean;
}

export type FileChange = "added" | "removed" | "changed" | "mode";

export interface ChangedFile {
  name: string;
  change: FileChange;
  left: SourceFile | undefined;
  right: SourceFile | undefined;
}

/** The files that differ, by name, and how many are the same. */
export function changedFiles(left: readonly SourceFile[], right: readonly SourceFile[]): { files: ChangedFile[]; same: number } {
  const before = new Map(left.map((file) => [file.name, file]));
  const after = new Map(right.map((file) => [file.name, file]));
  let same = 0;
  const files: ChangedFile[] = [];
  for (const name of [...new Set([...before.keys(), ...after.keys()])].sort()) {
    const [a, b] = [before.get(name), after.get(name)];
    const change = !a ? "added" : !b ? "removed" : a.sha256 !== b.sha256 ? "changed" : a.is_executable !== b.is_executable ? "mode" : null;
    if (change) files.push({ name, change, left: a, right: b });
    else same += 1;
  }
  return { files, same };
}

export interface Folder {
  /** Of the root it is empty. */
  path: string;
  files: ChangedFile[];
}

/** By the folder in which they lie; the root first, then by name. */
export function byFolder(files: readonly ChangedFile[]): Folder[] {
  const found = new Map<string, ChangedFile[]>();
  for (const file of files) {
    const path = file.name.includes("/") ? file.name.slice(0, file.name.lastIndexOf("/")) : "";
    found.set(path, [...(found.get(path) ?? []), file]);
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, some]) => ({ path, files: some }));
}

/** Its name without its folder. */
export const shortName = (name: string): string => name.slice(name.lastIndexOf("/") + 1);
