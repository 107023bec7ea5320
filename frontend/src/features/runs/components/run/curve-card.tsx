import { ActionIcon } from "@mantine/core";
import { useElementSize, useIntersection, useMergedRef } from "@mantine/hooks";
import { IconGripVertical, IconPin, IconPinFilled } from "@tabler/icons-react";
import { memo, useEffect, useMemo, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import type { Mark, Span } from "@/components/plot";
import { TimeSeries } from "@/components/time-series";
import { SERIES, seriesIndex } from "@/lib/series-colors";
import type { XAxis } from "@/live/metric-buffer";
import type { RunCurves } from "@/live/run-curves";
import type { Refiner } from "../../refiner";
import type { View } from "./curve-tools";
import classes from "./curves.module.css";

interface Props {
  name: string;
  runId: string;
  curves: RunCurves;
  refiner: Refiner;
  axis: XAxis;
  view: View;
  marks: readonly Mark[];
  range: Span | null;
  onRange: (range: Span | null) => void;
  isPinned: boolean;
  onPin: (key: string) => void;
  /** Moves the card by so many places. */
  onMove: (key: string, by: number) => void;
  onDragged: (key: string | null) => void;
  onDropped: (key: string) => void;
}

const HEIGHT = 172;

/** One metric. */
export const CurveCard = memo(function CurveCard(props: Props) {
  const { name, runId, curves, refiner, axis, view, range } = props;
  const { t } = useTranslation("runs");
  const color = SERIES[seriesIndex(runId)]!;
  const source = useMemo(() => curves.source(name, { label: name, color }, axis), [curves, name, color, axis]);
  const { ref: sightRef, entry } = useIntersection<HTMLLIElement>({ rootMargin: "0px" });
  const { ref: sizeRef, width } = useElementSize<HTMLLIElement>();
  const ref = useMergedRef(sightRef, sizeRef);
  const inSight = entry?.isIntersecting ?? false;
  useEffect(() => {
    if (range && inSight && width > 0) refiner.want(name, axis, range, Math.round(width));
  }, [refiner, name, axis, range, inSight, width]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const by = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    props.onMove(name, by);
  };
  return (
    <li
      ref={ref}
      className={classes.card}
      data-key={name}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        event.preventDefault();
        props.onDropped(name);
      }}
    >
      <TimeSeries
        title={name}
        source={source}
        x={view.x}
        height={HEIGHT}
        log={view.log}
        smoothing={view.smooth}
        marks={props.marks}
        range={range}
        onRange={props.onRange}
        group={`run ${runId}`}
        legend={false}
        actions={
          <>
            <ActionIcon
              size="sm"
              className={classes.handle}
              draggable
              aria-label={t("curves.move", { name })}
              title={t("curves.moveHint")}
              onKeyDown={onKeyDown}
              onDragStart={(event) => {
                event.dataTransfer.effectAllowed = "move";
                event.dataTransfer.setData("text/plain", name);
                props.onDragged(name);
              }}
              onDragEnd={() => props.onDragged(null)}
            >
              <IconGripVertical size={14} aria-hidden />
            </ActionIcon>
            <ActionIcon size="sm" aria-pressed={props.isPinned} aria-label={t(props.isPinned ? "curves.unpin" : "curves.pin", { name })} title={t(props.isPinned ? "curves.unpinShort" : "curves.pinShort")} onClick={() => props.onPin(name)}>
              {props.isPinned ? <IconPinFilled size={14} aria-hidden /> : <IconPin size={14} aria-hidden />}
            </ActionIcon>
          </>
        }
      />
    </li>
  );
});
