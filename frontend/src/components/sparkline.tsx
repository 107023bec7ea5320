import { memo } from "react";

interface Props {
  values: readonly (number | null)[];
  /** What it shows, for who does not see it: `loss over the last week`. Without it the line is decoration beside a number. */
  label?: string;
  width?: number;
  height?: number;
  color?: string;
  /** The lower end is 0 instead of the least value. */
  zero?: boolean;
}

/** A curve of the size of a word. */
export const Sparkline = memo(function Sparkline({ values, label, width = 96, height = 24, color = "var(--accent)", zero = false }: Props) {
  return (
    <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role={label ? "img" : undefined} aria-label={label} aria-hidden={label ? undefined : true}>
      <path d={pathOf(values, width, height, zero)} fill="none" stroke={color} strokeWidth={1.5} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
});

/** The line as an SVG path; a gap lifts the pen, a single point is a short stroke. */
export function pathOf(values: readonly (number | null)[], width: number, height: number, zero: boolean): string {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  if (!known.length) return "";
  const low = zero ? Math.min(0, ...known) : Math.min(...known);
  const high = Math.max(...known);
  const spread = high - low;
  const perX = values.length > 1 ? (width - 2) / (values.length - 1) : 0;
  const y = (value: number): number => (spread ? height - 2 - ((value - low) / spread) * (height - 4) : zero && !high ? height - 2 : height / 2);
  let path = "";
  let drawing = false;
  values.forEach((value, index) => {
    if (value === null || !Number.isFinite(value)) return void (drawing = false);
    path += `${drawing ? "L" : "M"}${(1 + index * perX).toFixed(1)} ${y(value).toFixed(1)}`;
    if (!drawing) path += "h0.01";
    drawing = true;
  });
  return path;
}
