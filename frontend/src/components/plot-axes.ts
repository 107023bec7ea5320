import uPlot from "uplot";
import { bytes, duration, tickTime, value } from "@/lib/format";
import { resolved } from "@/lib/series-colors";

/** What x means: training steps, the time of day (Unix seconds), or seconds since a beginning. */
export type XKind = "step" | "time" | "relative";

const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];
/** Sizes are read in binary units, so their ticks are round there. */
const BINARY = Array.from({ length: 56 }, (_, power) => 2 ** power);
const LEFT = 56;
const BOTTOM = 24;
const FONT = '11px "Inter Variable", system-ui, sans-serif';

/** Colours as the theme has them now; asked of the browser once per theme. */
const colors = new Map<string, string>();
const themed = new Set<() => void>();
let watcher: MutationObserver | null = null;

export function colorOf(variable: string): string {
  let found = colors.get(variable);
  if (found === undefined) {
    found = resolved(variable);
    colors.set(variable, found);
  }
  return found;
}

/** Called when the theme changes; returns what ends it. */
export function onTheme(changed: () => void): () => void {
  themed.add(changed);
  watcher ??= new MutationObserver(() => {
    colors.clear();
    for (const each of themed) each();
  });
  if (themed.size === 1) watcher.observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });
  return () => {
    themed.delete(changed);
    if (!themed.size) watcher?.disconnect();
  };
}

/** A place on the x axis in words. */
export function xText(kind: XKind, x: number): string {
  if (kind === "time") return tickTime(x, 1);
  return kind === "relative" ? duration(x) : value(Math.round(x), 12);
}

/** Axes in the page's colours, numbers in the reader's language. */
export function axesOf(kind: XKind, format: (y: number) => string): uPlot.Axis[] {
  const common = {
    font: FONT,
    stroke: () => colorOf("var(--soft)"),
    grid: { stroke: () => colorOf("var(--line)"), width: 1 },
    ticks: { show: false },
  };
  const xAxis: uPlot.Axis = {
    ...common,
    scale: "x",
    size: BOTTOM,
    gap: 6,
    space: kind === "step" ? 56 : 72,
    grid: { show: false },
    // Of a logarithmic axis only some places have words.
    values: (_, splits, __, ___, increment) => splits.map((x) => ((x as number | null) === null ? null : xTick(kind, x, increment))),
    ...(kind === "step" ? { incrs: STEPS } : { incrs: SECONDS }),
  };
  const yAxis: uPlot.Axis = {
    ...common,
    scale: "y",
    size: LEFT,
    gap: 6,
    space: 32,
    values: (_, splits) => splits.map((y) => (y === null ? null : format(y))),
    ...(format === bytes ? { incrs: BINARY } : {}),
  };
  return [xAxis, yAxis];
}

/** Whole numbers only: there is no half step. */
const STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat();

function xTick(kind: XKind, x: number, increment: number): string {
  if (kind === "time") return tickTime(x, increment);
  return kind === "relative" ? duration(x) : value(x, 9);
}
