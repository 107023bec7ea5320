/** The first rows of a file as the browser reads them, so that options can be chosen by what they do. The job parses it anew. */

export const PREVIEW_BYTES = 65_536;
const ROWS = 8;
const DELIMITERS = [",", ";", "\t", "|"];

export interface Preview {
  columns: string[];
  rows: string[][];
  /** The delimiter that was found or said; "" where the format has none. */
  delimiter: string;
}

/** Rows of delimited text, as far as they are whole. A quote that is still open at the end ends it. */
export function rowsOf(text: string, delimiter: string, most: number): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const character = text.charAt(at);
    if (quoted) {
      if (character !== '"') field += character;
      else if (text.charAt(at + 1) === '"') {
        field += '"';
        at += 1;
      } else quoted = false;
    } else if (character === '"' && field === "") quoted = true;
    else if (character === delimiter) {
      row.push(field);
      field = "";
    } else if (character === "\n") {
      row.push(field.replace(/\r$/, ""));
      rows.push(row);
      [row, field] = [[], ""];
    } else field += character;
  }
  return rows;
}

/** The delimiter that splits the first lines into the most fields, the same number in each. */
export function delimiterOf(text: string): string {
  const score = (delimiter: string): number => {
    const widths = rowsOf(text, delimiter, 20).map((row) => row.length);
    const [first = 1] = widths;
    return first > 1 ? first * (widths.filter((width) => width === first).length / widths.length) : 0;
  };
  const [best] = DELIMITERS.map((delimiter) => [score(delimiter), delimiter] as const).sort((a, b) => b[0] - a[0]);
  return best && best[0] > 0 ? best[1] : ",";
}

/** Null where there is nothing to be shown as a table: Parquet, or lines that are no JSON. */
export function previewOf(text: string, options: { format: string; delimiter: string | null; header: boolean }): Preview | null {
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  if (options.format === "jsonl") return jsonPreview(whole);
  if (options.format !== "csv" && options.format !== "tsv") return null;
  const delimiter = options.delimiter || (options.format === "tsv" ? "\t" : delimiterOf(whole));
  const rows = rowsOf(whole.replace(/^\uFEFF/, ""), delimiter, ROWS + 1);
  const [first = []] = rows;
  if (!first.length) return null;
  if (options.header) return { columns: first, rows: rows.slice(1), delimiter };
  return { columns: first.map((_, index) => `column${index}`), rows: rows.slice(0, ROWS), delimiter };
}

function jsonPreview(text: string): Preview | null {
  try {
    const objects = text
      .split("\n")
      .slice(0, -1)
      .filter((line) => line.trim())
      .slice(0, ROWS)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const columns = [...new Set(objects.flatMap((object) => Object.keys(object)))];
    const written = (value: unknown): string => (value === undefined || value === null ? "" : typeof value === "string" ? value : JSON.stringify(value));
    return { columns, rows: objects.map((object) => columns.map((column) => written(object[column]))), delimiter: "" };
  } catch {
    return null;
  }
}

const ENDINGS: Readonly<Record<string, string>> = { csv: "csv", tsv: "tsv", tab: "tsv", jsonl: "jsonl", ndjson: "jsonl", parquet: "parquet" };

/** The format that a file's name says; "" where it says none. */
export const formatOf = (name: string): string => ENDINGS[name.toLowerCase().split(".").pop() ?? ""] ?? "";

/** The text of bytes in an encoding; null where the browser does not know it. */
export function decoded(bytes: ArrayBuffer, encoding: string): string | null {
  try {
    return new TextDecoder(encoding).decode(bytes);
  } catch {
    return null;
  }
}
