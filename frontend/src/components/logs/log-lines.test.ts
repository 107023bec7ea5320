import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LogLines, PAGE, type LinesAnswer, type ReadLines } from "./log-lines";

/** A member's output of which lines may be missing. */
class Output implements ReadLines {
  asked: [number, number][] = [];
  broken = false;

  constructor(
    public total: number,
    private readonly lost: ReadonlySet<number> = new Set(),
    private readonly most = Infinity,
  ) {}

  range(from: number, to: number): Promise<LinesAnswer> {
    this.asked.push([from, to]);
    if (this.broken) return Promise.reject(new Error("no answer"));
    const numbers = Array.from({ length: Math.min(to, this.total) - from + 1 }, (_, at) => from + at);
    const fits = numbers.slice(0, this.most);
    const kept = fits.filter((number) => !this.lost.has(number));
    const chunks = kept.map((number) => ({ first_line: number, lines: 1, text: `line ${number}\n` }));
    return Promise.resolve({ chunks, next_line: fits.length < numbers.length ? from + fits.length : null });
  }

  tail(lines: number): Promise<LinesAnswer> {
    const first = Math.max(1, this.total - lines + 1);
    const numbers = Array.from({ length: this.total - first + 1 }, (_, at) => first + at);
    return Promise.resolve({ chunks: [{ first_line: first, lines: numbers.length, text: numbers.map((number) => `line ${number}\n`).join("") }], next_line: null });
  }
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("output of a hundred thousand lines", () => {
  it("begins with its end, and fetches what is looked at", async () => {
    const output = new Output(100_000);
    const lines = new LogLines(output);
    await lines.start();
    expect(lines.total).toBe(100_000);
    expect(lines.line(100_000)).toBe("line 100000");
    expect(lines.line(42)).toBeUndefined();
    lines.look(40, 60);
    lines.look(41, 61);
    await settle();
    expect(lines.line(42)).toBe("line 42");
    expect(output.asked).toEqual([[1, PAGE]]);
  });

  it("keeps a bounded part of it, and fetches again what it has forgotten", async () => {
    const output = new Output(100_000);
    const lines = new LogLines(output);
    await lines.start();
    for (let first = 1; first < 100_000; first += PAGE) {
      lines.look(first, first + 30);
      await settle();
    }
    let here = 0;
    for (let number = 1; number <= 100_000; number += 1) if (lines.line(number) !== undefined) here += 1;
    expect(here).toBeLessThanOrEqual(61 * PAGE);
    expect(lines.line(1)).toBeUndefined();
    lines.look(1, 10);
    await settle();
    expect(lines.line(1)).toBe("line 1");
  });
});

describe("output that goes on", () => {
  it("fetches what is new only, also what came while it was fetching", async () => {
    const output = new Output(10);
    const lines = new LogLines(output);
    await lines.start();
    output.total = 14;
    lines.grew(12);
    lines.grew(14);
    await settle();
    expect(lines.line(14)).toBe("line 14");
    expect(output.asked[0]).toEqual([11, 12]);
    expect(output.asked.at(-1)).toEqual([13, 14]);
  });

  it("fetches the new end after a leap, and not all that lies between", async () => {
    const output = new Output(10);
    const lines = new LogLines(output);
    await lines.start();
    output.total = 50_000;
    lines.grew(50_000);
    await settle();
    expect(lines.line(50_000)).toBe("line 50000");
    expect(output.asked).toHaveLength(2);
  });

  it("says of lines that were not kept that they were not", async () => {
    const output = new Output(600, new Set([3, 4]));
    const lines = new LogLines(output);
    await lines.start();
    lines.look(1, 10);
    await settle();
    expect([2, 3, 4, 5].map((number) => lines.line(number))).toEqual(["line 2", null, null, "line 5"]);
    const asked = output.asked.length;
    lines.look(1, 10);
    expect(output.asked).toHaveLength(asked);
  });

  it("goes on where an answer had no room", async () => {
    const output = new Output(1_200, new Set(), 200);
    const lines = new LogLines(output);
    await lines.start();
    lines.look(1, 10);
    await settle();
    expect(output.asked).toEqual([[1, 500], [201, 500], [401, 500]]);
    expect(lines.line(450)).toBe("line 450");
  });

  it("tries again after an error", async () => {
    const output = new Output(1_200);
    const lines = new LogLines(output);
    await lines.start();
    output.broken = true;
    lines.look(1, 10);
    await settle();
    expect(lines.error).toBeInstanceOf(Error);
    output.broken = false;
    await vi.advanceTimersByTimeAsync(3_000);
    expect(lines.line(1)).toBe("line 1");
    expect(lines.error).toBeNull();
  });
});
