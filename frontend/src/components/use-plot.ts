import { useElementSize, useIntersection, useMergedRef } from "@mantine/hooks";
import { useEffect, useRef, useState, type RefCallback, type RefObject } from "react";
import { Plot, type PlotOptions } from "./plot";

/**
 * The chart, made once its place is near the screen; made anew only when something changes that uPlot keeps for good.
 * It is drawn only while it is in sight.
 */
export function usePlot(options: PlotOptions): { plot: RefObject<Plot | null>; host: RefCallback<HTMLDivElement> } {
  const { source, kind, format, height, log, logX, zero, group, onRange, onValues, onOdd } = options;
  const plot = useRef<Plot | null>(null);
  const { ref: sizeRef, width } = useElementSize<HTMLDivElement>();
  const { ref: sightRef, entry } = useIntersection<HTMLDivElement>({ rootMargin: "160px" });
  const [element, setElement] = useState<HTMLDivElement | null>(null);
  const inSight = entry?.isIntersecting ?? false;
  const [wasSeen, setWasSeen] = useState(false);
  if (inSight && !wasSeen) setWasSeen(true);
  const latest = useRef(onRange);
  useEffect(() => {
    latest.current = onRange;
  });
  useEffect(() => {
    if (!wasSeen || !element) return undefined;
    const kept = { source, kind, format, height, log, logX, zero, group, onValues, onOdd, onRange: (span: Parameters<typeof onRange>[0]) => latest.current(span) };
    const made = new Plot(element, kept, element.clientWidth);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
  }, [wasSeen, element, source, kind, format, height, log, logX, zero, group, onValues, onOdd]);
  useEffect(() => plot.current?.resize(Math.floor(width)), [width]);
  // After every rendering: the chart may be a new one.
  useEffect(() => plot.current?.show(inSight));
  const host = useMergedRef<HTMLDivElement>(sizeRef, sightRef, setElement);
  return { plot, host };
}
