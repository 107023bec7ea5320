import { describe, expect, it } from "vitest";
import type { Why } from "@/api/why";
import { needsOf, placed } from "./needs";

const WHY: Why = {
  workload: "w",
  state: "pending",
  reason: "waiting_for_quota",
  detail: "",
  message: [],
  place: { position: 1, queue_position: 1, since: "2026-03-03T10:00:00Z" },
  kind: "quota",
  bound: { kind: "cohort", id: "c", name: "vision", resource: "gpus", flavor: "H200", nominal: 4, limit: 4, held: 4, left: 0, needed: 2 },
  borrowers: [],
  free: [],
  possible_at: null,
  never: null,
  avoids: [],
  estimate: null,
  history: [],
  accuracy: { count: 0, median_error_seconds: null, median_lateness_seconds: null, coverage_ratio: null, since: "2026-02-03T10:00:00Z" },
};
const gpus = (value: number) => ({ resource: "gpus", flavor: "H200", value });

describe("what would have to change", () => {
  it("says how much of a limit is lacking", () => {
    expect(needsOf({ ...WHY, bound: { ...WHY.bound!, left: 1, needed: 3 } })[0]).toEqual({ code: "bound_cohort", name: "vision", lacks: gpus(2), held: gpus(4), limit: gpus(4) });
    expect(needsOf({ ...WHY, bound: { ...WHY.bound!, limit: null } })[0]).toMatchObject({ limit: null });
  });
  it("asks back no more of what is borrowed than is lacking, from whoever has most", () => {
    const borrowers = [
      { kind: "queue" as const, id: "a", name: "a", amount: 1 },
      { kind: "queue" as const, id: "b", name: "b", amount: 5 },
      { kind: "queue" as const, id: "c", name: "c", amount: 1 },
    ];
    const asked = needsOf({ ...WHY, borrowers }).filter(({ code }) => code === "borrower");
    expect(asked).toEqual([
      { code: "borrower", name: "a", amount: gpus(1) },
      { code: "borrower", name: "b", amount: gpus(1) },
    ]);
  });
  it("names what is free where machines are in the way, and until when at the latest", () => {
    const found = needsOf({ ...WHY, kind: "machines", bound: null, free: [{ flavor: "H200", devices: 3, members: 1 }], possible_at: "2026-03-03T11:00:00Z" });
    expect(found).toEqual([{ code: "machines" }, { code: "free", flavor: "H200", devices: 3, members: 1 }, { code: "possible", at: "2026-03-03T11:00:00Z" }]);
  });
  it("is silent of what never starts, and of what does not wait", () => {
    expect(needsOf({ ...WHY, never: { reason: "exceeds_quota", detail: "", message: [] } })).toEqual([]);
    expect(needsOf({ ...WHY, kind: null })).toEqual([]);
    expect(needsOf({ ...WHY, kind: "behind" })).toEqual([{ code: "behind" }]);
  });
});

describe("a band on an axis", () => {
  const band = { low_at: "2026-03-03T10:00:00Z", start_at: "2026-03-03T10:30:00Z", high_at: "2026-03-03T12:00:00Z" };
  it("stands in its place, and at the end where it goes beyond", () => {
    const from = Date.parse("2026-03-03T10:00:00Z");
    expect(placed(band, from, from + 3_600_000)).toEqual({ low: 0, start: 50, high: 100 });
    expect(placed(band, from, from)).toEqual({ low: 0, start: 0, high: 0 });
  });
});
