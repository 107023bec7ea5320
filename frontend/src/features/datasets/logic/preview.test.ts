import { expect, it } from "vitest";
import { decoded, delimiterOf, formatOf, hasHeader, previewOf, rowsOf } from "./preview";

const CSV = { format: "csv", delimiter: null, header: true };

it("reads quotes, doubled quotes, and breaks inside of them", () => {
  expect(rowsOf('a,"b, c"\r\n"say ""hi""","x\ny"\n', ",", 9)).toEqual([
    ["a", "b, c"],
    ['say "hi"', "x\ny"],
  ]);
});

it("leaves out a row that is not whole", () => {
  expect(rowsOf('a,b\n1,"open\n2,3\n', ",", 9)).toEqual([["a", "b"]]);
});

it("finds the delimiter that splits every line alike", () => {
  expect(delimiterOf("name;note\na;1,5\nb;2,7\n")).toBe(";");
  expect(delimiterOf("a\tb\n1\t2\n")).toBe("\t");
  expect(delimiterOf("one\ntwo\n")).toBe(",");
});

it("shows what the options make of a file", () => {
  expect(previewOf("\uFEFFa,b\n1,2\n3,4", CSV)).toEqual({ columns: ["a", "b"], rows: [["1", "2"], ["3", "4"]], delimiter: "," });
  expect(previewOf("1|2\n", { ...CSV, delimiter: "|", header: false })).toEqual({ columns: ["column_1", "column_2"], rows: [["1", "2"]], delimiter: "|" });
  expect(previewOf("", CSV)?.columns).toEqual([""]);
});

it("shows JSON lines by all their names, and nothing of what is no JSON", () => {
  const found = previewOf('{"a": 1}\n{"b": "x", "a": null}\n', { ...CSV, format: "jsonl" });
  expect(found).toEqual({ columns: ["a", "b"], rows: [["1", ""], ["", "x"]], delimiter: "" });
  expect(previewOf("a,b\n", { ...CSV, format: "jsonl" })).toBeNull();
  expect(previewOf("PAR1", { ...CSV, format: "parquet" })).toBeNull();
});

it("knows formats by name and encodings by theirs", () => {
  expect(["x.CSV", "x.tab.gz", "x.ndjson", "x.parquet", "x.xlsx", "x.tar.gz", "a.png", "csv", "a.txt"].map(formatOf)).toEqual(["csv", "tsv", "jsonl", "parquet", "excel", "archive", "images", "", ""]);
  expect(decoded(new Uint8Array([0xc4, 0xe3]).buffer, "gb18030")).toBe("你");
  expect(decoded(new ArrayBuffer(1), "no-such-encoding")).toBeNull();
});

it("finds the header, the encoding and what is skipped as the job does", () => {
  expect(hasHeader([["a", "b"], ["1", "x"]])).toBe(true);
  expect(hasHeader([["1", "x"], ["2", "y"]])).toBe(false);
  expect(hasHeader([["country", "2019"], ["FR", "1"]])).toBe(true);
  expect(previewOf("Report\n# note\na,b\n1,'x,y'\n", { ...CSV, header: null, skipRows: 1, comment: "#", quote: "'" })?.rows).toEqual([["1", "x,y"]]);
  expect(decoded(new Uint8Array([0xff, 0xfe, 0x61, 0]).buffer, null)).toBe("a");
  expect(decoded(new Uint8Array([0xc4, 0xe3, 0x0a]).buffer, null)).toBeNull();
});
