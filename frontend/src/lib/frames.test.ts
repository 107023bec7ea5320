import { afterEach, beforeEach, expect, it, vi, type MockInstance } from "vitest";
import { drawNever, drawSoon, FRAME_MEASURE } from "./frames";

let frames: (() => void)[];
let now: number;
let measure: MockInstance<Performance["measure"]>;

beforeEach(() => {
  frames = [];
  now = 0;
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => frames.push(callback));
  vi.spyOn(performance, "now").mockImplementation(() => now);
  measure = vi.spyOn(performance, "measure").mockReturnValue({} as PerformanceMeasure);
});
afterEach(() => {
  while (frames.length) frames.shift()!();
  vi.unstubAllGlobals();
});

const nextFrame = (): void => frames.shift()?.();
const chart = (name: string, log: string[], cost = 0) => ({
  draw: () => {
    log.push(name);
    now += cost;
  },
});

it("draws what was asked for several times once, in one frame", () => {
  const log: string[] = [];
  const one = chart("a", log);
  drawSoon(one);
  drawSoon(one);
  expect(frames).toHaveLength(1);
  nextFrame();
  expect(log).toEqual(["a"]);
  expect(frames).toHaveLength(0);
});

it("leaves what is too much for one frame to the next, first come first drawn", () => {
  const log: string[] = [];
  for (const name of "abcdef") drawSoon(chart(name, log));
  nextFrame();
  expect(log.join("")).toBe("abcd");
  nextFrame();
  expect(log.join("")).toBe("abcdef");
});

it("stops when its share of the frame is used up", () => {
  const log: string[] = [];
  for (const name of "abc") drawSoon(chart(name, log, 4));
  nextFrame();
  expect(log.join("")).toBe("ab");
  nextFrame();
  expect(log.join("")).toBe("abc");
});

it("does not draw what is gone, and says how long a frame took", () => {
  const log: string[] = [];
  const one = chart("a", log);
  drawSoon(one);
  drawNever(one);
  nextFrame();
  expect(log).toEqual([]);
  expect(measure).toHaveBeenCalledWith(FRAME_MEASURE, { start: 0 });
});
