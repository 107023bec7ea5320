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
export function rowsOf(text: string, delimiter: string, most: number, quote = '"'): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < text.length && rows.length < most; at += 1) {
    const character = text.charAt(at);
    if (quoted) {
      if (character !== quote) field += character;
      else if (text.charAt(at + 1) === quote) {
        field += quote;
        at += 1;
      } else quoted = false;
    } else if (quote !== "" && character === quote && field === "") quoted = true;
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

export interface PreviewOptions {
  format: string;
  delimiter: string | null;
  /** Null: found from the rows. */
  header: boolean | null;
  quote?: string | null | undefined;
  comment?: string | null | undefined;
  skipRows?: number | undefined;
}

/** Null where there is nothing to be shown as a table: Parquet, or lines that are no JSON. */
export function previewOf(text: string, options: PreviewOptions): Preview | null {
  const whole = text.endsWith("\n") ? text : `${text}\n`;
  if (options.format === "jsonl") return jsonPreview(whole);
  if (options.format !== "csv" && options.format !== "tsv") return null;
  const kept = withoutLines(whole.replace(/^\uFEFF/, "").replace(/\r(?!\n)/g, "\n"), options.skipRows ?? 0, options.comment ?? "");
  const delimiter = options.delimiter || (options.format === "tsv" ? "\t" : delimiterOf(kept));
  const rows = rowsOf(kept, delimiter, ROWS + 1, options.quote ?? '"');
  const [first = []] = rows;
  if (!first.length) return null;
  if (options.header ?? hasHeader(rows)) return { columns: first, rows: rows.slice(1), delimiter };
  return { columns: first.map((_, index) => `column_${index + 1}`), rows: rows.slice(0, ROWS), delimiter };
}

function withoutLines(text: string, skipped: number, comment: string): string {
  if (!skipped && !comment) return text;
  const lines = text.split("\n").slice(skipped);
  return (comment ? lines.filter((line) => !line.startsWith(comment)) : lines).join("\n");
}

const NUMBER = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$/;
const YEAR = /^\s*(19|20)\d\d\s*$/;

/** Whether the first row names the columns: as the job finds it, by numbers alone. */
export function hasHeader(rows: readonly string[][]): boolean {
  const [first = [], ...rest] = rows;
  const numbers = first.filter((cell) => NUMBER.test(cell));
  if (!numbers.length) return true;
  const isNamed = first.some((cell, at) => !NUMBER.test(cell) && rest.length > 0 && rest.every((row) => NUMBER.test(row[at] ?? "")));
  return isNamed || (rest.length > 0 && numbers.every((cell) => YEAR.test(cell)) && !rest.every((row) => first.every((cell, at) => !NUMBER.test(cell) || YEAR.test(row[at] ?? ""))));
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

const ENDINGS: Readonly<Record<string, string>> = {
  csv: "csv", tsv: "tsv", tab: "tsv", jsonl: "jsonl", ndjson: "jsonl", json: "json", parquet: "parquet",
  xlsx: "excel", xlsm: "excel", xls: "excel", zip: "archive", tar: "archive", tgz: "archive",
  jpg: "images", jpeg: "images", png: "images", gif: "images", webp: "images", bmp: "images", tif: "images", tiff: "images",
};

/** The format that a file's name says; "" where it says none. */
export function formatOf(name: string): string {
  const parts = name.toLowerCase().replace(/\.(gz|zst)$/, "").split(".");
  return parts.length > 1 ? (ENDINGS[parts.pop() ?? ""] ?? "") : "";
}

/** The text of bytes in an encoding; null where the browser does not know it, or where the bytes do not say which. */
export function decoded(bytes: ArrayBuffer, encoding: string | null): string | null {
  try {
    return encoding === null ? found(bytes) : new TextDecoder(encoding).decode(bytes);
  } catch {
    return null;
  }
}

/** By its mark, else UTF-8; what is neither the job looks at more closely. */
function found(bytes: ArrayBuffer): string {
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  if (first === 0xff && second === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder("utf-16be").decode(bytes);
  // The last character may be cut in half.
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
}
