import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refiner } from "./refiner";

const STEP = { kind: "step" } as const;

describe("finer points", () => {
  const refine = vi.fn<(keys: readonly string[], axis: { kind: string }, low: number, high: number, points: number) => Promise<Record<string, number>>>();
  let fine: ReadonlySet<string>;
  let refiner: Refiner;

  beforeEach(() => {
    vi.useFakeTimers();
    refine.mockReset().mockResolvedValue({});
    fine = new Set();
    refiner = new Refiner({ isFine: (key) => fine.has(key), refine });
  });
  afterEach(() => void vi.useRealTimers());

  it("are asked for once for all charts in sight", async () => {
    refiner.want("loss", STEP, [10, 20], 400);
    refiner.want("auc", STEP, [10, 20], 400);
    await vi.advanceTimersByTimeAsync(200);
    expect(refine).toHaveBeenCalledExactlyOnceWith(["loss", "auc"], STEP, 10, 20, 800);
  });

  it("are not asked for where there are enough", async () => {
    fine = new Set(["loss"]);
    refiner.want("loss", STEP, [10, 20], 400);
    await vi.advanceTimersByTimeAsync(200);
    expect(refine).not.toHaveBeenCalled();
  });

  it("are not asked for again within a part of which all is here", async () => {
    refine.mockResolvedValue({ loss: 37 });
    refiner.want("loss", STEP, [10, 20], 400);
    await vi.advanceTimersByTimeAsync(200);
    refiner.want("loss", STEP, [12, 18], 400);
    await vi.advanceTimersByTimeAsync(200);
    expect(refine).toHaveBeenCalledTimes(1);
    refiner.want("loss", STEP, [5, 18], 400);
    await vi.advanceTimersByTimeAsync(200);
    expect(refine).toHaveBeenCalledTimes(2);
  });

  it("are of the last part only while the reader goes on zooming", async () => {
    refiner.want("loss", STEP, [10, 20], 400);
    refiner.want("auc", STEP, [12, 16], 400);
    await vi.advanceTimersByTimeAsync(200);
    expect(refine).toHaveBeenCalledExactlyOnceWith(["auc"], STEP, 12, 16, 800);
  });
});
