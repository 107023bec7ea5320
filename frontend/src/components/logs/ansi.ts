/** A part of a line that looks the same throughout. */
export interface Piece {
  text: string;
  /** 0–7: black, red, green, yellow, blue, magenta, cyan, white; as the theme has them. */
  color?: number | undefined;
  bold?: boolean;
  dim?: boolean;
  underline?: boolean;
}

type Look = Omit<Piece, "text">;

/** Control sequences of terminals (ECMA-48): colours, movements, titles. */
const ESCAPE = /\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])/g;

/** The line as a terminal shows it: what a carriage return wrote over is gone, of the control sequences colours remain. */
export function piecesOf(line: string): Piece[] {
  const text = overwritten(line);
  if (!text.includes("\x1b")) return [{ text }];
  const pieces: Piece[] = [];
  let look: Look = {};
  let from = 0;
  const put = (to: number): void => {
    if (to > from) pieces.push({ text: text.slice(from, to), ...look });
  };
  for (const found of text.matchAll(ESCAPE)) {
    put(found.index);
    from = found.index + found[0].length;
    if (found[2] === "m") look = looked(look, found[1] ?? "");
  }
  put(text.length);
  return pieces;
}

/** The line without control sequences. */
export const plainOf = (line: string): string => overwritten(line).replace(ESCAPE, "");

/** Progress bars write over their line: what was written last is shown. */
function overwritten(line: string): string {
  if (!line.includes("\r")) return line;
  const parts = line.split("\r").filter((part) => part !== "");
  return parts.at(-1) ?? "";
}

function looked(before: Look, codes: string): Look {
  let look = before;
  const numbers = codes.split(/[;:]/).map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at]!;
    if (code === 38 || code === 48) {
      const [color, used] = extended(numbers, at + 1);
      if (code === 38) look = { ...look, color };
      at += used;
    } else look = once(look, code);
  }
  return look;
}

function once(look: Look, code: number): Look {
  if (code === 0) return {};
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 4) return { ...look, underline: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 24) return { ...look, underline: false };
  if (code >= 30 && code <= 37) return { ...look, color: code - 30 };
  if (code >= 90 && code <= 97) return { ...look, color: code - 90 };
  if (code === 39) return { ...look, color: undefined };
  return look;
}

/** The nearest of our eight to one of 256 colours or to any: the theme has only colours that can be read. */
function extended(numbers: readonly number[], at: number): [number | undefined, number] {
  if (numbers[at] === 5) return [ofPalette(numbers[at + 1] ?? 0), 2];
  if (numbers[at] === 2) return [nearestHue(numbers[at + 1] ?? 0, numbers[at + 2] ?? 0, numbers[at + 3] ?? 0), 4];
  return [undefined, 0];
}

function ofPalette(index: number): number | undefined {
  if (index < 16) return index % 8;
  if (index >= 232) return undefined;
  const cube = index - 16;
  return nearestHue(Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6);
}

function nearestHue(red: number, green: number, blue: number): number | undefined {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  if (most - least < most / 4) return undefined;
  const middle = (most + least) / 2;
  // Bit by bit as the eight are numbered: red 1, green 2, blue 4.
  return (red > middle ? 1 : 0) + (green > middle ? 2 : 0) + (blue > middle ? 4 : 0);
}
