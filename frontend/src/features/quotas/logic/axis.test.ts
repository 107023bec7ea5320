import { describe, expect, it } from "vitest";
import { axisOf } from "./axis";

const NOW = Date.parse("2026-03-03T10:00:00Z");
const band = (start: number, high: number) => ({ start_at: new Date(NOW + start * 60_000).toISOString(), high_at: new Date(NOW + high * 60_000).toISOString() });

describe("the axis of all bands", () => {
  it("begins now and ends with the last band", () => {
    expect(axisOf([band(10, 30), null, band(20, 60)], NOW)).toEqual({ from: NOW, to: NOW + 60 * 60_000 });
  });
  it("is ten minutes at least, and does not follow a band that goes on and on", () => {
    expect(axisOf([band(1, 2)], NOW)).toEqual({ from: NOW, to: NOW + 10 * 60_000 });
    expect(axisOf([band(10, 10_000)], NOW)).toEqual({ from: NOW, to: NOW + 40 * 60_000 });
  });
  it("is none without bands", () => {
    expect(axisOf([null, undefined], NOW)).toBeNull();
  });
});
