import { describe, expect, it } from "vitest";
import { diffLines, hunksOf, type DiffLine } from "./diff";

const said = (lines: readonly DiffLine[]): string[] => lines.map(({ kind, text }) => `${{ same: " ", left: "-", right: "+" }[kind]}${text}`);
const sides = (lines: readonly DiffLine[]) => ({
  left: lines.filter(({ left }) => left).map(({ text }) => text),
  right: lines.filter(({ right }) => right).map(({ text }) => text),
});

describe("lines that differ", () => {
  it("finds the least change, and numbers lines on both sides", () => {
    const found = diffLines("a\nb\nc\nd\n", "a\nc\nx\nd\n");
    expect(said(found)).toEqual([" a", "-b", " c", "+x", " d"]);
    expect(found.map(({ left, right }) => [left, right])).toEqual([[1, 1], [2, undefined], [3, 2], [undefined, 3], [4, 4]]);
  });

  it("knows the same, the empty and the wholly other", () => {
    expect(said(diffLines("a\nb", "a\nb\n"))).toEqual([" a", " b"]);
    expect(diffLines("", "")).toEqual([]);
    expect(said(diffLines("", "a\nb"))).toEqual(["+a", "+b"]);
    expect(said(diffLines("a", ""))).toEqual(["-a"]);
    expect(said(diffLines("a\nb", "x\ny"))).toEqual(["-a", "-b", "+x", "+y"]);
  });

  it("gives back both texts, whatever they are", () => {
    let seed = 7;
    const next = (): number => (seed = (seed * 16_807) % 2_147_483_647);
    for (let turn = 0; turn < 200; turn += 1) {
      const text = (): string[] => Array.from({ length: next() % 12 }, () => "abcd"[next() % 4]!);
      const [a, b] = [text(), text()];
      expect(sides(diffLines(a.join("\n"), b.join("\n")))).toEqual({ left: a, right: b });
    }
  });

  it("gives up on the least change of texts that have little in common, not on the texts", () => {
    const a = Array.from({ length: 3_000 }, (_, at) => `a${at}`);
    const b = Array.from({ length: 3_000 }, (_, at) => `b${at}`);
    expect(sides(diffLines(a.join("\n"), b.join("\n")))).toEqual({ left: a, right: b });
  });
});

it("shows what differs with some lines around it, and counts the rest", () => {
  const a = Array.from({ length: 30 }, (_, at) => `line ${at}`);
  const b = a.with(5, "five").with(7, "seven").with(20, "twenty");
  const { hunks, rest } = hunksOf(diffLines(a.join("\n"), b.join("\n")), 2);
  expect(hunks.map(({ skipped, lines }) => [skipped, said(lines)])).toEqual([
    [3, [" line 3", " line 4", "-line 5", "+five", " line 6", "-line 7", "+seven", " line 8", " line 9"]],
    [8, [" line 18", " line 19", "-line 20", "+twenty", " line 21", " line 22"]],
  ]);
  expect(rest).toBe(7);
});
