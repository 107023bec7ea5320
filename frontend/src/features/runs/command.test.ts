import { describe, expect, it } from "vitest";
import { lineOf, needsShell, wordsOf } from "./command";

describe("a command", () => {
  it.each([
    ["python train.py --epochs 3", ["python", "train.py", "--epochs", "3"]],
    ["  a   b ", ["a", "b"]],
    [`say "two words" 'and $HOME'`, ["say", "two words", "and $HOME"]],
    [`a"b"c ''`, ["abc", ""]],
    [String.raw`a\ b "c\"d" 'e\f'`, ["a b", 'c"d', String.raw`e\f`]],
    ["", []],
  ])("%s", (line, words) => {
    expect(wordsOf(line)).toEqual({ words, isOpen: false });
  });

  it("says where a quote does not end", () => {
    expect(wordsOf(`say "two`)).toEqual({ words: ["say", "two"], isOpen: true });
  });

  it("is the same after it was written out", () => {
    const words = ["python", "-c", "print('it''s')", "", "a b", "$HOME", "--x=1"];
    expect(wordsOf(lineOf(words)).words).toEqual(words);
    expect(lineOf(["python", "train.py", "--lr=0.1"])).toBe("python train.py --lr=0.1");
  });

  it("knows what would take a shell", () => {
    expect(needsShell(["a", "&&", "b"])).toBe(true);
    expect(needsShell(["sh", "-c", "a && b"])).toBe(false);
    expect(needsShell(["python", "train.py"])).toBe(false);
  });
});
