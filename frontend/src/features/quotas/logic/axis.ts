/** Ends of an axis of time, in ms. */
export interface Axis {
  from: number;
  to: number;
}

const LEAST_MS = 600_000;
/** Of bands that reach further only the beginning is drawn: a single one in a month would make points of all others. */
const STRETCH = 4;

/** One axis for all bands, from now on: as long as the middle ones need, at most a few times that; null without bands. */
export function axisOf(bands: readonly ({ high_at: string; start_at: string } | null | undefined)[], now: number): Axis | null {
  const known = bands.flatMap((band) => (band ? [band] : []));
  if (!known.length) return null;
  const farthest = Math.max(...known.map(({ high_at }) => Date.parse(high_at) - now));
  const starts = known.map(({ start_at }) => Date.parse(start_at) - now);
  const latest = Math.max(...starts, LEAST_MS / STRETCH);
  return { from: now, to: now + Math.max(LEAST_MS, Math.min(farthest, latest * STRETCH)) };
}
