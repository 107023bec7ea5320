import { memo } from "react";
import { count } from "@/lib/format";
import classes from "./histogram.module.css";

interface Props {
  counts: readonly number[];
  /** One more than counts; what they stand for is `format`'s to say. */
  edges: readonly number[];
  format: (edge: number) => string;
  /** For screen readers: what is counted, and where most of it lies. */
  label: string;
  /** px; 36 by default. */
  height?: number;
  /** The least and the greatest value below. */
  withAxis?: boolean;
  /** Of each bin only the middle is a value. */
  isDiscrete?: boolean;
}

const WIDTH = 100;

/** Small bars of a distribution: a bar has at least a pixel where anything was counted. */
export const Histogram = memo(function Histogram({ counts, edges, format, label, height = 36, withAxis = false, isDiscrete = false }: Props) {
  const most = Math.max(1, ...counts);
  const step = WIDTH / Math.max(1, counts.length);
  // A single value is a post, not a field: it has no width to be spread over.
  const isOne = counts.length === 1 && edges[0] === edges[1];
  const wide = isOne ? WIDTH / 8 : step * 0.86;
  const half = isDiscrete ? ((edges[1] ?? 0) - (edges[0] ?? 0)) / 2 : 0;
  const range = (index: number): string => {
    const [from, to] = [(edges[index] ?? NaN) + half, (edges[index + 1] ?? NaN) - half];
    return from === to ? format(from) : `${format(from)} – ${format(to)}`;
  };
  return (
    <div className={classes.histogram}>
      <svg viewBox={`0 0 ${WIDTH} ${height}`} preserveAspectRatio="none" height={height} role="img" aria-label={label} className={classes.bars}>
        {counts.map((found, index) => {
          const tall = found === 0 ? 0 : Math.max(1, (found / most) * height);
          return (
            <g key={index}>
              <rect x={index * step + (step - wide) / 2} y={height - tall} width={wide} height={tall} />
              <rect x={index * step} y={0} width={step} height={height} className={classes.catch}>
                <title>{`${range(index)}: ${count(found)}`}</title>
              </rect>
            </g>
          );
        })}
      </svg>
      {withAxis ? (
        <div className={classes.axis} data-one={isOne || undefined} aria-hidden>
          <span>{format((edges[0] ?? NaN) + half)}</span>
          {isOne ? null : <span>{format((edges.at(-1) ?? NaN) - half)}</span>}
        </div>
      ) : null}
    </div>
  );
});
