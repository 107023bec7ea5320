/** Where bars, ticks and marks of a distribution lie. Pure. */

export interface Bins {
  edges: readonly number[];
  counts: readonly number[];
  below: number;
  above: number;
  /** Of each bin only the middle is a value. */
  is_discrete?: boolean;
}

export interface Bar {
  /** Its place among all bars, those beyond the ends included. */
  from: number | null;
  to: number | null;
  count: number;
  x: number;
  width: number;
}

/** Pixels between the bars of far values and the others. */
export const GAP = 10;
const FAR = 12;

/** Bars from left to right over `width` pixels. Bins keep their widths, or share it where the scale is by powers. */
export function barsOf(bins: Bins, width: number, isEven: boolean): Bar[] {
  const low = bins.below > 0 ? FAR + GAP : 0;
  const high = bins.above > 0 ? FAR + GAP : 0;
  const scale = scaleOf(bins.edges, low, width - high, isEven);
  const bars = bins.counts.map((count, index): Bar => {
    const from = bins.edges[index] ?? 0;
    const to = bins.edges[index + 1] ?? from;
    const [left, right] = isEven || from === to ? [scale.at(index), scale.at(index + 1)] : [scale.place(from), scale.place(to)];
    return { from, to, count, x: left, width: Math.max(1, right - left) };
  });
  if (bins.below > 0) bars.unshift({ from: null, to: bins.edges[0] ?? 0, count: bins.below, x: 0, width: FAR });
  if (bins.above > 0) bars.push({ from: bins.edges.at(-1) ?? 0, to: null, count: bins.above, x: width - FAR, width: FAR });
  return bars;
}

export interface Scale {
  /** Of the edge with that number. */
  at: (index: number) => number;
  /** Of a value, within the bars; NaN outside. */
  place: (value: number) => number;
}

/** From values to pixels. `isEven`: each bin is as wide as any other, whatever its edges. */
export function scaleOf(edges: readonly number[], start: number, end: number, isEven: boolean): Scale {
  const bins = Math.max(1, edges.length - 1);
  const at = (index: number): number => start + ((end - start) * index) / bins;
  const low = edges[0] ?? 0;
  const high = edges.at(-1) ?? 0;
  if (isEven) {
    return {
      at,
      place: (value) => {
        const index = edges.findLastIndex((edge) => edge <= value);
        const [from, to] = [edges[index], edges[index + 1]];
        if (from === undefined || value > high) return NaN;
        if (to === undefined || to === from) return at(Math.min(index, bins));
        return at(index + (from > 0 ? Math.log(value / from) / Math.log(to / from) : (value - from) / (to - from)));
      },
    };
  }
  if (high === low) return { at, place: (value) => (value === low ? start : value > low ? end : NaN) };
  return { at, place: (value) => (value < low || value > high ? NaN : start + (end - start) * ((value - low) / (high - low))) };
}

/** Where the scale of a distribution lies within `width` pixels. */
export const insetOf = (bins: Bins, width: number): [number, number] => [bins.below > 0 ? FAR + GAP : 0, width - (bins.above > 0 ? FAR + GAP : 0)];

/** Round numbers from 0 up to about the greatest count, three or four of them. */
export function countTicks(most: number): number[] {
  if (most <= 0) return [0];
  const raw = most / 3;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = Math.max(1, ([1, 2, 5, 10].find((factor) => factor * power >= raw) ?? 10) * power);
  const ticks = [];
  for (let tick = 0; tick <= most; tick += step) ticks.push(tick);
  return ticks;
}

/** The share of the height that a count takes; on a logarithmic scale one row is still seen. */
export function heightOf(count: number, most: number, isLog: boolean): number {
  if (count <= 0 || most <= 0) return 0;
  return isLog ? Math.log1p(count) / Math.log1p(most) : count / most;
}

/** What stands at the axis, and where: edges, or the middles where nothing else is a value. */
export function ticksOf(bins: Bins, scale: Scale, isEven: boolean): { values: number[]; places: number[] } {
  const { edges } = bins;
  if (edges.length === 2 && edges[0] === edges[1]) return { values: [edges[0] ?? 0], places: [(scale.at(0) + scale.at(1)) / 2] };
  const values = bins.is_discrete ? edges.slice(1).map((edge, index) => (edge + (edges[index] ?? edge)) / 2) : [...edges];
  return { values, places: values.map((value, index) => (isEven ? scale.at(index) : scale.place(value))) };
}

/** Up to so many edges that labels do not meet: the first, the last, and some between. */
export function labelled(count: number, room: number): number[] {
  const most = Math.max(2, Math.floor(room));
  if (count <= most) return Array.from({ length: count }, (_, index) => index);
  return [...new Set(Array.from({ length: most }, (_, index) => Math.round((index * (count - 1)) / (most - 1))))];
}
