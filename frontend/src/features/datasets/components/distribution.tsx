import { SegmentedControl, Switch } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useState, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import { barsOf, countTicks, heightOf, insetOf, labelled, scaleOf, ticksOf, type Bar, type Bins } from "../logic/bars";
import classes from "./distribution.module.css";

interface Props {
  name: string;
  bins: Bins;
  /** The same by powers of ten, where that says more. */
  logBins?: Bins | null | undefined;
  format: (edge: number) => string;
  quantiles?: Readonly<Record<string, number>> | null | undefined;
  fences?: { low: number; high: number } | null | undefined;
  height?: number;
}

const AXIS = 40;
const FOOT = 18;
const BOX = 18;
const LABEL = 74;
const BOX_MARKS = ["0.05", "0.25", "0.5", "0.75", "0.95"];

/** A distribution to look at: what lies where by pointer or arrow keys, quartiles above, far values apart. */
export function Distribution({ name, bins, logBins, format, quantiles, fences, height = 176 }: Props) {
  const { t } = useTranslation("profile");
  const { ref, width } = useElementSize<HTMLDivElement>();
  const [byPowers, setByPowers] = useState(false);
  const [logCounts, setLogCounts] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const isEven = byPowers && Boolean(logBins);
  const shown = isEven && logBins ? logBins : bins;
  const inner = Math.max(80, width - AXIS);
  const bars = barsOf(shown, inner, isEven);
  const total = bars.reduce((sum, bar) => sum + bar.count, 0);
  const [start, end] = insetOf(shown, inner);
  const scale = scaleOf(shown.edges, start, end, isEven);
  const current = at === null ? undefined : bars[at];
  const point = (event: PointerEvent<SVGSVGElement>): void => {
    const x = event.clientX - event.currentTarget.getBoundingClientRect().left - AXIS;
    const found = bars.findIndex((bar) => x >= bar.x && x < bar.x + bar.width);
    setAt(found < 0 ? null : found);
  };
  const press = (event: KeyboardEvent): void => {
    const to = { ArrowRight: (at ?? -1) + 1, ArrowLeft: (at ?? bars.length) - 1, Home: 0, End: bars.length - 1 }[event.key];
    if (event.key === "Escape" && at !== null) setAt(null);
    else if (to === undefined) return;
    else setAt(Math.min(Math.max(to, 0), bars.length - 1));
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={ref} className={classes.distribution}>
      <div className={classes.controls}>
        <Readout bar={current} total={total} format={format} isDiscrete={shown.is_discrete === true} />
        {logBins ? (
          <SegmentedControl
            size="xs"
            aria-label={t("bars.scale")}
            value={byPowers ? "powers" : "even"}
            onChange={(next) => {
              setByPowers(next === "powers");
              setAt(null);
            }}
            data={[
              { value: "even", label: t("bars.even") },
              { value: "powers", label: t("bars.powers") },
            ]}
          />
        ) : null}
        <Switch size="xs" label={t("bars.logCounts")} checked={logCounts} onChange={(event) => setLogCounts(event.currentTarget.checked)} />
      </div>
      {width > 0 ? (
        <svg
          className={classes.plot}
          width={width}
          height={height + FOOT + (quantiles ? BOX : 0)}
          role="img"
          tabIndex={0}
          aria-label={`${t("bars.label", { name })}. ${t("bars.keys")}`}
          onPointerMove={point}
          onPointerLeave={() => setAt(null)}
          onBlur={() => setAt(null)}
          onKeyDown={press}
        >
          <g transform={`translate(${AXIS} 0)`}>
            {quantiles ? <BoxMarks quantiles={quantiles} place={scale.place} start={start} end={end} edges={shown.edges} label={t("bars.box")} /> : null}
            <g transform={`translate(0 ${quantiles ? BOX : 0})`}>
              <Bars bars={bars} at={at} height={height} width={inner} isLog={logCounts} fences={fences} />
              {fences ? <Fences fences={fences} place={scale.place} height={height} format={format} /> : null}
              <Axis {...ticksOf(shown, scale, isEven)} top={height} room={(end - start) / LABEL} format={format} />
            </g>
          </g>
        </svg>
      ) : (
        <div style={{ height: height + FOOT + (quantiles ? BOX : 0) }} />
      )}
    </div>
  );
}

function Readout({ bar, total, format, isDiscrete }: { bar: Bar | undefined; total: number; format: (edge: number) => string; isDiscrete: boolean }) {
  const { t } = useTranslation("profile");
  let where = "";
  if (bar) {
    if (bar.from === null) where = t("bars.below", { edge: format(bar.to ?? NaN) });
    else if (bar.to === null) where = t("bars.above", { edge: format(bar.from) });
    else if (isDiscrete || bar.from === bar.to) where = format((bar.from + bar.to) / 2);
    else where = t("bars.between", { from: format(bar.from), to: format(bar.to) });
  }
  return (
    <div className={classes.readout} aria-live="polite">
      {bar ? (
        <>
          <strong>{where}</strong>
          <span>{t("bars.share", { rows: t("bars.rows", { count: bar.count, n: count(bar.count) }), share: percent(total ? bar.count / total : 0) })}</span>
        </>
      ) : null}
    </div>
  );
}

interface BarsProps {
  bars: readonly Bar[];
  at: number | null;
  height: number;
  width: number;
  isLog: boolean;
  fences: { low: number; high: number } | null | undefined;
}

function Bars({ bars, at, height, width, isLog, fences }: BarsProps) {
  const most = Math.max(1, ...bars.map((bar) => bar.count));
  const ticks = isLog ? [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].filter((tick) => tick <= most) : countTicks(most);
  const few = ticks.length > 5 ? ticks.filter((_, index) => index % 2 === 0) : ticks;
  return (
    <>
      {few.map((tick) => {
        const y = height * (1 - heightOf(tick, most, isLog));
        return (
          <g key={tick}>
            <line x1={0} x2={width} y1={y} y2={y} className={classes.grid} />
            <text x={-6} y={y + 4} textAnchor="end" className={classes.tick}>
              {compact(tick)}
            </text>
          </g>
        );
      })}
      {bars.map((bar, index) => {
        const tall = bar.count ? Math.max(1.5, heightOf(bar.count, most, isLog) * height) : 0;
        const isFar = bar.from === null || bar.to === null;
        const isOutside = Boolean(fences) && !isFar && ((bar.to ?? 0) <= (fences?.low ?? -Infinity) || (bar.from ?? 0) >= (fences?.high ?? Infinity));
        const gap = bar.width > 5 ? 1 : 0.4;
        return (
          <g key={index}>
            <rect x={bar.x} y={0} width={bar.width} height={height} className={classes.column} data-at={index === at || undefined} />
            <rect
              x={bar.x + gap / 2}
              y={height - tall}
              width={Math.max(0.6, bar.width - gap)}
              height={tall}
              rx={bar.width > 8 ? 1.5 : 0}
              className={classes.bar}
              data-far={isFar || undefined}
              data-outside={isOutside || undefined}
              data-at={index === at || undefined}
            />
          </g>
        );
      })}
      <line x1={0} x2={width} y1={height} y2={height} className={classes.base} />
    </>
  );
}

/** `12k`: a tick has little room. */
function compact(tick: number): string {
  if (tick >= 1e9) return `${tick / 1e9}G`;
  if (tick >= 1e6) return `${tick / 1e6}M`;
  return tick >= 1e3 ? `${tick / 1e3}k` : String(tick);
}

function Axis({ values, places, top, room, format }: { values: readonly number[]; places: readonly number[]; top: number; room: number; format: (edge: number) => string }) {
  return (
    <>
      {labelled(values.length, room).map((index) => {
        const anchor = values.length === 1 ? "middle" : index === 0 && places[0] === 0 ? "start" : index === values.length - 1 ? "end" : "middle";
        return (
          <text key={index} x={places[index]} y={top + 14} textAnchor={anchor} className={classes.tick}>
            {format(values[index] ?? NaN)}
          </text>
        );
      })}
    </>
  );
}

interface BoxProps {
  quantiles: Readonly<Record<string, number>>;
  place: (value: number) => number;
  start: number;
  end: number;
  edges: readonly number[];
  label: string;
}

/** The quartiles as a box, the 5 % and 95 % quantiles as whiskers. */
function BoxMarks({ quantiles, place, start, end, edges, label }: BoxProps) {
  const marks = BOX_MARKS.map((name) => {
    const found = quantiles[name];
    if (found === undefined) return NaN;
    const x = place(found);
    if (Number.isFinite(x)) return x;
    return found < (edges[0] ?? 0) ? start : end;
  });
  const [low, lower, middle, upper, high] = marks as [number, number, number, number, number];
  if (marks.some((mark) => Number.isNaN(mark))) return null;
  const y = BOX / 2 - 2;
  return (
    <g>
      <title>{label}</title>
      <line x1={low} x2={lower} y1={y} y2={y} className={classes.whisker} />
      <line x1={upper} x2={high} y1={y} y2={y} className={classes.whisker} />
      <line x1={low} x2={low} y1={y - 3} y2={y + 3} className={classes.whisker} />
      <line x1={high} x2={high} y1={y - 3} y2={y + 3} className={classes.whisker} />
      <rect x={lower} y={y - 5} width={Math.max(2, upper - lower)} height={10} rx={2} className={classes.box} />
      <line x1={middle} x2={middle} y1={y - 5} y2={y + 5} className={classes.median} />
    </g>
  );
}

function Fences({ fences, place, height, format }: { fences: { low: number; high: number }; place: (value: number) => number; height: number; format: (edge: number) => string }) {
  const { t } = useTranslation("profile");
  return (
    <>
      {[fences.low, fences.high].map((edge, index) => {
        const x = place(edge);
        return Number.isFinite(x) ? (
          <line key={index} x1={x} x2={x} y1={0} y2={height} className={classes.fence}>
            <title>{t("bars.fence", { edge: format(edge) })}</title>
          </line>
        ) : null;
      })}
    </>
  );
}
