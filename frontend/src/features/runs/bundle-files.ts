/** Which files of a folder are sent as a source bundle. Pure, but for reading what was dropped. */

/** What is no source in any folder; the server leaves it out too. */
const NEVER = new Set([".git", ".hg", ".svn", ".venv", ".DS_Store", ".ipynb_checkpoints", "__MACOSX", "__pycache__", "node_modules"]);

export interface Named {
  /** Below the folder. */
  name: string;
  file: File;
}

export interface Chosen {
  files: Named[];
  /** Names of what is not even sent: folders end with `/`. */
  skipped: string[];
}

/** Files of a folder, by their names below it, without what is never source. */
export function chosenOf(found: readonly Named[]): Chosen {
  const files: Named[] = [];
  const skipped = new Set<string>();
  for (const each of found) {
    const parts = each.name.split("/");
    const at = parts.findIndex((part) => NEVER.has(part));
    if (at < 0) files.push(each);
    else skipped.add(parts.slice(0, at + 1).join("/") + (at < parts.length - 1 ? "/" : ""));
  }
  return { files: files.toSorted((one, other) => (one.name < other.name ? -1 : 1)), skipped: [...skipped].toSorted() };
}

/** Files of the browser's choice of a folder, whose own name goes. */
export const ofPicker = (files: readonly File[]): Named[] =>
  files.map((file) => ({ name: file.webkitRelativePath.split("/").slice(1).join("/") || file.name, file }));

export const isZip = (files: readonly File[]): boolean => files.length === 1 && /\.zip$/i.test(files[0]?.name ?? "");

/** What was dropped: files, and all that is in folders. Of one folder its own name goes. */
export async function ofDrop(entries: readonly FileSystemEntry[]): Promise<Named[]> {
  const [first] = entries;
  const alone = entries.length === 1 && first?.isDirectory;
  const lists = await Promise.all(entries.map((entry) => below(entry, alone ? "" : entry.name)));
  return lists.flat();
}

async function below(entry: FileSystemEntry, name: string): Promise<Named[]> {
  if (NEVER.has(entry.name)) return [];
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
    return [{ name: name || entry.name, file }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: Named[] = [];
  for (;;) {
    // A browser gives a hundred at a time.
    // oxlint-disable-next-line no-await-in-loop
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    // oxlint-disable-next-line no-await-in-loop
    const lists = await Promise.all(some.map((each) => below(each, name ? `${name}/${each.name}` : each.name)));
    found.push(...lists.flat());
  }
}
