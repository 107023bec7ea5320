import type { CSSProperties } from "react";
import type { StartBand } from "@/api/why";
import { placed } from "./needs";
import classes from "./start-band.module.css";

interface Props {
  band: Pick<StartBand, "low_at" | "start_at" | "high_at">;
  /** Ends of the axis, in ms. */
  from: number;
  to: number;
}

/** A band of an estimated start on an axis of time, with a mark where it most likely is. What it says stands beside it in words. */
export function BandBar({ band, from, to }: Props) {
  const { low, high, start } = placed(band, from, to);
  return (
    <span className={classes.track} style={{ "--low": `${low}%`, "--width": `${Math.max(high - low, 0.5)}%`, "--start": `${start}%` } as CSSProperties} aria-hidden>
      <span className={classes.band} />
      <span className={classes.start} />
    </span>
  );
}
