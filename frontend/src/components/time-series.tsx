import { ActionIcon, UnstyledButton } from "@mantine/core";
import { IconTable, IconZoomReset } from "@tabler/icons-react";
import { useCallback, useEffect, useId, useLayoutEffect, useMemo, useState, useSyncExternalStore, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import type { Curve, CurveSource } from "@/lib/curves";
import { value } from "@/lib/format";
import { swatch } from "@/lib/series-colors";
import { moved } from "./chart-keys";
import type { Emphasis } from "./emphasis";
import type { Mark, Span } from "./plot";
import type { XKind } from "./plot-axes";
import { Readout } from "./readout";
import { SeriesSummary } from "./series-summary";
import { SeriesTable } from "./series-table";
import { usePlot } from "./use-plot";
import classes from "./time-series.module.css";

interface Props {
  title: string;
  /** Curves that stand still; keep the array (`useMemo`) while they are the same. */
  curves?: readonly Curve[];
  /** Or curves that change without React, as points of a running job do. Keep the object. */
  source?: CurveSource;
  x: XKind;
  /** Unit of the values, shown beside the title. */
  unit?: string;
  /** A value in words; keep the function. By default four significant digits. */
  format?: (y: number) => string;
  height?: number;
  /** Logarithmic values; those that are not positive are gaps. */
  log?: boolean;
  /** Logarithmic x; not of the time of day. */
  logX?: boolean;
  /** Instead of the values, the least and the greatest of neighbouring ones as a band. */
  band?: boolean;
  /** 0 … 0.999: weight of the moving average; the values stay, faint. */
  smoothing?: number;
  /** The y axis begins at 0. */
  zero?: boolean;
  marks?: readonly Mark[];
  /** The part of x that is shown; all of it without. With `onRange` the owner keeps it, else the chart does. */
  range?: Span | null;
  onRange?: (range: Span | null) => void;
  /** Charts of one group show the values at the same x. */
  group?: string;
  /** Verbs of the owner, before the chart's own. */
  actions?: ReactNode;
  /** By default shown for more than one curve. */
  legend?: boolean;
  /** Says from elsewhere which curve stands out. Keep the object. */
  emphasis?: Emphasis;
  /** Instead of the drawn title, where the page has one: it stays for screen readers. */
  titleHidden?: boolean;
  /** Said while there is nothing to draw. */
  empty?: string;
}

const NO_MARKS: readonly Mark[] = [];
const NO_CURVES: readonly Curve[] = [];

const still = (curves: readonly Curve[]): CurveSource => ({ subscribe: () => () => undefined, curves: () => curves });

/**
 * Curves over steps or time. Drag zooms, a double click shows all again; with the keyboard arrows point, + and − zoom, 0 shows all.
 *
 * What changes is drawn on the canvas, at most once a frame and only while it is in sight; React renders nothing for it.
 */
export function TimeSeries(props: Props) {
  const { title, curves, source: given, x, unit, format = value, height = 180, log = false, logX = false, band = false, smoothing = 0, zero = false, marks = NO_MARKS } = props;
  const { t } = useTranslation();
  const source = useMemo(() => given ?? still(curves ?? NO_CURVES), [given, curves]);
  const own = useId();
  const group = props.group ?? own;
  const [kept, keep] = useState<Span | null>(null);
  const range = props.onRange ? (props.range ?? null) : kept;
  const onRange = props.onRange ?? keep;
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [table, setTable] = useState(false);
  const [readout] = useState(() => new Readout());
  const { setPlace, setFirst, setEmpty, setNote } = readout;
  const words = useCallback((odd: boolean, below: boolean) => [odd ? t("chart.odd") : "", below ? t("chart.below") : ""].filter(Boolean).join(" "), [t]);
  useLayoutEffect(() => void Object.assign(readout, { kind: x, format, words }), [readout, x, format, words]);
  const { plot, host } = usePlot({ source, kind: x, format, height, log, logX: logX && x !== "time", zero, group, onRange, onValues: readout.show, onOdd: readout.tellOdd });
  const drawn = useSyncExternalStore(readout.subscribe, readout.named);
  const named = curves ?? drawn;
  const legend = props.legend ?? named.length > 1;
  useEffect(() => plot.current?.look(range, smoothing, band, marks, hidden));
  const { emphasis } = props;
  useEffect(() => emphasis?.subscribe((id) => plot.current?.emphasise(id)), [emphasis, plot]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (plot.current && moved(event.key, plot.current, range, onRange)) event.preventDefault();
  };
  const toggle = (id: string): void => setHidden((before) => (before.has(id) ? new Set([...before].filter((each) => each !== id)) : new Set([...before, id])));
  return (
    <figure className={classes.figure} aria-label={title}>
      <figcaption className={props.titleHidden ? "visually-hidden" : classes.head}>
        <span className={`${classes.title} cut`} title={title}>
          {title} {unit ? <span className={classes.unit}>{unit}</span> : null}
        </span>
        {legend || named.length > 1 ? <span key="none" className={classes.readout} /> : <span key="first" className={classes.readout} ref={setFirst} />}
        <span className={classes.tools}>
          {range ? (
            <ActionIcon size="sm" aria-label={t("chart.reset", { title })} title={t("chart.resetShort")} onClick={() => onRange(null)}>
              <IconZoomReset size={14} aria-hidden />
            </ActionIcon>
          ) : null}
          {props.actions}
          <ActionIcon size="sm" aria-label={t("chart.table", { title })} title={t("chart.tableShort")} onClick={() => setTable(true)}>
            <IconTable size={14} aria-hidden />
          </ActionIcon>
        </span>
      </figcaption>
      <div
        ref={host}
        className={classes.canvas}
        style={{ height }}
        role="img"
        tabIndex={0}
        aria-label={title}
        aria-describedby={`${own}-summary`}
        aria-keyshortcuts="ArrowLeft ArrowRight Plus Minus 0"
        onKeyDown={onKeyDown}
        onBlur={() => plot.current?.hover(null)}
      >
        <span ref={setPlace} className={classes.place} />
        <span ref={setEmpty} className={classes.empty} hidden>
          {props.empty ?? t("chart.empty")}
        </span>
      </div>
      <p ref={setNote} className={classes.note} hidden />
      <SeriesSummary id={`${own}-summary`} source={source} kind={x} format={format} />
      {legend ? (
        <ul className={classes.legend}>
          {named.map((curve, index) => (
            <li key={curve.id}>
              <UnstyledButton
                className={classes.entry}
                aria-pressed={!hidden.has(curve.id)}
                onClick={() => toggle(curve.id)}
                onPointerEnter={() => plot.current?.emphasise(curve.id)}
                onPointerLeave={() => plot.current?.emphasise(null)}
              >
                <span className={classes.swatch} style={swatch(curve.color, Boolean(curve.dash?.length))} aria-hidden />
                <span className="cut">{curve.label}</span>
                <span className={classes.number} ref={(element) => readout.setEntry(index, element)} />
              </UnstyledButton>
            </li>
          ))}
        </ul>
      ) : null}
      {table ? <SeriesTable title={title} source={source} kind={x} format={format} range={range} onClose={() => setTable(false)} /> : null}
    </figure>
  );
}
