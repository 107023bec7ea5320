import { describe, expect, it } from "vitest";
import { mainMetric, metricKeys, nearestThreshold, onPrecisionRecall, onRoc, type Threshold } from "./measures";

const at = (threshold: number, part: Partial<Threshold> = {}): Threshold => ({
  threshold,
  true_positives: 3,
  false_positives: 2,
  true_negatives: 8,
  false_negatives: 1,
  precision: 0.6,
  recall: 0.75,
  f1: 0.67,
  accuracy: 0.79,
  ...part,
});

describe("mainMetric", () => {
  it("prefers the test data, then AUC", () => {
    expect(mainMetric({ validation_auc: 0.9, test_loss: 0.4, test_auc: 0.8 })).toEqual({ key: "test_auc", value: 0.8 });
    expect(mainMetric({ loss: 0.4, accuracy: 0.7 })?.key).toBe("accuracy");
    expect(mainMetric({})).toBeNull();
  });

  it("comes first of all that any version has", () => {
    expect(metricKeys([{ metrics: { loss: 1 } }, { metrics: { auc: 0.8, accuracy: 0.7 } }])).toEqual(["auc", "accuracy", "loss"]);
  });
});

describe("a threshold", () => {
  it("is the nearest of the table", () => {
    expect(nearestThreshold([at(0), at(0.4), at(0.6), at(1)], 0.52)).toBe(2);
    expect(nearestThreshold([at(0)], 0.9)).toBe(0);
  });

  it("has a place on both curves, unless nothing is called positive", () => {
    expect(onRoc(at(0.5))).toEqual({ x: 0.2, y: 0.75 });
    expect(onPrecisionRecall(at(0.5))).toEqual({ x: 0.75, y: 0.6 });
    expect(onPrecisionRecall(at(1, { precision: null, recall: 0 }))).toBeNull();
  });
});
