import type { Compared, ComparedArtifact } from "./api-compare";

/** The files of several runs by name. Pure. */

export interface ArtifactRow {
  name: string;
  /** By run; undefined where it has none of this name. */
  files: readonly (ComparedArtifact | undefined)[];
  differs: boolean;
  /** By run which of the different contents it has, from 0; undefined where it has none. */
  groups: readonly (number | undefined)[];
}

export function artifactRows(compared: readonly Pick<Compared, "artifacts">[]): ArtifactRow[] {
  // Of several of one name the newest comes first, and counts.
  const byName = compared.map(({ artifacts }) => {
    const found = new Map<string, ComparedArtifact>();
    for (const file of artifacts) if (!found.has(file.name)) found.set(file.name, file);
    return found;
  });
  const names = [...new Set(byName.flatMap((files) => [...files.keys()]))].sort();
  return names.map((name) => {
    const files = byName.map((each) => each.get(name));
    const contents = [...new Set(files.flatMap((file) => (file ? [file.sha256] : [])))];
    const groups = files.map((file) => (file ? contents.indexOf(file.sha256) : undefined));
    return { name, files, groups, differs: contents.length > 1 || files.includes(undefined) };
  });
}

const IMAGES = /\.(?:png|jpe?g|gif|webp|svg)$/i;
const TEXTS = /(?:\.(?:txt|log|md|csv|tsv|ya?ml|toml|ini|cfg|py|html|xml|sh)|(?:^|\/)MLmodel)$/i;

/** How a file can be shown, by its name. */
export function kindOfFile(name: string): "image" | "json" | "text" | "other" {
  if (IMAGES.test(name)) return "image";
  if (/\.json$/i.test(name)) return "json";
  return TEXTS.test(name) ? "text" : "other";
}

/** JSON as people read it; what is none stays as it is. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** The media type of a picture, by its name. */
export function pictureType(name: string): string {
  const end = name.split(".").at(-1)?.toLowerCase() ?? "";
  return `image/${{ svg: "svg+xml", jpg: "jpeg" }[end] ?? end}`;
}
