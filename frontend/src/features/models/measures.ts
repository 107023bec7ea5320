import type { components } from "@/api/schema.gen";
import type { Point } from "@/components/unit-chart";
import { percent, value } from "@/lib/format";

type Schemas = components["schemas"];
export type Evaluation = Schemas["Evaluation"];
export type Threshold = Schemas["Threshold"];

/** Which of a version's metrics a list shows: of the test data before others, AUC and accuracy before others. */
export function mainMetric(metrics: Readonly<Record<string, number>>): { key: string; value: number } | null {
  const rank = (key: string): number => {
    const name = key.toLowerCase();
    return (/test/.test(name) ? 0 : 10) + (/auc/.test(name) ? 0 : /accuracy|f1/.test(name) ? 1 : /loss|error/.test(name) ? 3 : 2);
  };
  const [key] = Object.keys(metrics).sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return key === undefined ? null : { key, value: metrics[key]! };
}

/** Every metric that some version has, the main one first. */
export function metricKeys(versions: readonly { metrics: Readonly<Record<string, number>> }[]): string[] {
  const all = Object.assign({}, ...versions.map(({ metrics }) => metrics)) as Record<string, number>;
  const main = mainMetric(all)?.key;
  return Object.keys(all).sort((a, b) => Number(b === main) - Number(a === main) || a.localeCompare(b));
}

/** Place in the table of the threshold that is nearest to `wanted`. */
export function nearestThreshold(table: readonly Threshold[], wanted: number): number {
  let best = 0;
  table.forEach(({ threshold }, index) => {
    if (Math.abs(threshold - wanted) < Math.abs(table[best]!.threshold - wanted)) best = index;
  });
  return best;
}

/** Where a threshold stands on the curves. */
export const onRoc = (at: Threshold): Point => ({ x: share(at.false_positives, at.true_negatives), y: share(at.true_positives, at.false_negatives) });
export const onPrecisionRecall = (at: Threshold): Point | null => (at.precision === null ? null : { x: at.recall, y: at.precision });

const share = (part: number, rest: number): number => (part + rest ? part / (part + rest) : 0);

/** Points of two lists of the same length. */
export const pointsOf = (x: readonly number[], y: readonly number[]): Point[] => x.slice(0, y.length).map((at, index) => ({ x: at, y: y[index]! }));

/** `0.8448`; a share as percent. */
export const figure = (number: number | null | undefined): string => value(number, 4);
export const part = (some: number, all: number): string => percent(all ? some / all : null);
