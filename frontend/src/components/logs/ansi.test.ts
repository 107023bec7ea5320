import { describe, expect, it } from "vitest";
import { piecesOf, plainOf } from "./ansi";

const ESC = "\x1b";

describe("a line of a terminal", () => {
  it("is one piece without control sequences", () => {
    expect(piecesOf("epoch 1: loss 0.7")).toEqual([{ text: "epoch 1: loss 0.7" }]);
  });

  it("has its colours and weights", () => {
    expect(piecesOf(`a ${ESC}[1;31mbad${ESC}[22m thing${ESC}[0m.`)).toEqual([
      { text: "a " },
      { text: "bad", bold: true, color: 1 },
      { text: " thing", bold: false, dim: false, color: 1 },
      { text: "." },
    ]);
  });

  it("has the nearest colour that can be read of 256 and of any", () => {
    const color = (codes: string): number | undefined => piecesOf(`${ESC}[${codes}mx`)[0]!.color;
    expect(color("92")).toBe(2);
    expect(color("38;5;196")).toBe(1);
    expect(color("38;2;80;120;255")).toBe(4);
    expect(color("38;2;128;128;128")).toBeUndefined();
    expect(color("38;5;12;1")).toBe(4);
  });

  it("loses movements and titles", () => {
    expect(plainOf(`${ESC}]0;title\x07${ESC}[2K${ESC}[1Gdone`)).toBe("done");
    expect(piecesOf(`${ESC}[2K${ESC}[1Gdone`)).toEqual([{ text: "done" }]);
  });

  it("shows of a progress bar what was written last", () => {
    expect(plainOf(" 10%|#\r 50%|###\r100%|#####\r")).toBe("100%|#####");
  });

  it("does not stumble over a sequence that is cut off", () => {
    expect(plainOf(`end${ESC}[3`)).toContain("end");
  });
});
