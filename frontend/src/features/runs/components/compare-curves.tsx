import { Button, MultiSelect, SegmentedControl, Slider, Switch } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { TimeSeries } from "@/components/time-series";
import type { Span } from "@/components/plot";
import type { CurveSource } from "@/lib/curves";
import { live } from "@/live/live";
import type { XAxis } from "@/live/metric-buffer";
import { RunCurves } from "@/live/run-curves";
import { isOver } from "@/lib/states";
import { readMetrics } from "../api";
import { readMany, type CompareRun } from "../api-compare";
import { commonKeys } from "../compare";
import { ManyCurves } from "../many-curves";
import classes from "./compare.module.css";

export interface CurveView {
  x: "step" | "time" | "relative";
  /** 0 … 0.99 */
  smooth: number;
  log: boolean;
  logX: boolean;
  band: boolean;
  /** Metrics that are shown; none: all. */
  metrics: readonly string[];
}

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  view: CurveView;
  onView: (part: Partial<CurveView>) => void;
}

/** Points of one curve that are read at first. */
const WHOLE = 400;
const SHOWN_AT_FIRST = 12;
/** More runs than these are told apart by the list above. */
const LEGEND_MOST = 8;

/** Each metric as a chart with a curve for each run; those that go on move. */
export function CompareCurves({ runs, colors, view, onView }: Props) {
  const { t } = useTranslation("runs");
  const [most, setMost] = useState(SHOWN_AT_FIRST);
  const [range, setRange] = useState<Span | null>(null);
  const curves = useCurves(runs);
  const keys = useMemo(() => commonKeys(runs), [runs]);
  const found = view.metrics.length ? view.metrics.filter((key) => keys.includes(key)) : keys;
  const setX = (x: CurveView["x"]): void => {
    setRange(null);
    onView({ x });
  };
  return (
    <>
      <div className={classes.bar}>
        <MultiSelect
          className={classes.metrics ?? ""}
          searchable
          clearable
          size="xs"
          aria-label={t("compare.chooseMetrics")}
          placeholder={view.metrics.length ? undefined : t("compare.allMetrics")}
          data={keys}
          limit={200}
          value={[...view.metrics]}
          onChange={(metrics) => onView({ metrics })}
          clearButtonProps={{ "aria-label": t("verb.clear", { ns: "common" }) }}
        />
        <SegmentedControl
          aria-label={t("compare.xAxis")}
          value={view.x}
          onChange={(x) => setX(x)}
          data={(["step", "relative", "time"] as const).map((value) => ({ value, label: t(`chart.${value}`, { ns: "common" }) }))}
        />
        <span className="soft">{t("compare.smoothing")}</span>
        <Slider
          className={classes.slider ?? ""}
          size="sm"
          min={0}
          max={0.99}
          step={0.01}
          label={(at) => at.toFixed(2)}
          thumbLabel={t("compare.smoothing")}
          value={view.smooth}
          onChange={(smooth) => onView({ smooth })}
        />
        <Switch label={t("compare.log")} checked={view.log} onChange={(event) => onView({ log: event.currentTarget.checked })} />
        <Switch label={t("compare.logX")} checked={view.logX && view.x !== "time"} disabled={view.x === "time"} onChange={(event) => onView({ logX: event.currentTarget.checked })} />
        <Switch label={t("compare.band")} checked={view.band} onChange={(event) => onView({ band: event.currentTarget.checked })} />
      </div>
      {found.length ? null : <p className="soft">{t("compare.noMetric")}</p>}
      <div className={classes.grid}>
        {found.slice(0, most).map((key) => (
          <div key={key} className={`surface ${classes.card}`}>
            <Overlaid metric={key} runs={runs} curves={curves} colors={colors} view={view} range={range} onRange={setRange} />
          </div>
        ))}
      </div>
      {found.length > most ? (
        <Button variant="default" mt="md" onClick={() => setMost(most + 24)}>
          {t("verb.showMore", { ns: "common" })}
        </Button>
      ) : null}
    </>
  );
}

/** Where the curves of one run come from. */
type Curves = Pick<RunCurves, "source">;

/** Curves stay while others are left out or added. */
class Shelf {
  private readonly held = new Map<string, RunCurves>();
  private readonly many = new ManyCurves(readMany);

  /** Of a run that goes on: read once, then followed. */
  take(id: string, keys: readonly string[]): RunCurves {
    const found = this.held.get(id) ?? new RunCurves(readMetrics(id), keys, WHOLE);
    this.held.set(id, found);
    found.expect(keys);
    return found;
  }

  /** Of a run that is over: read with the others when a chart wants it. */
  still(id: string): Curves {
    return { source: (key, look, axis) => this.many.source(id, key, look, axis) };
  }
}

/** The points of every run: of those that go on followed while they are looked at, of the others read in one question. */
function useCurves(runs: readonly CompareRun[]): ReadonlyMap<string, Curves> {
  const [shelf] = useState(() => new Shelf());
  // A run that ends while it is looked at stays with those that were followed.
  const [followed] = useState(() => new Set<string>());
  for (const { id, state } of runs) if (!isOver(state)) followed.add(id);
  const asked = JSON.stringify(runs.map(({ id, summary }) => [id, followed.has(id), followed.has(id) ? Object.keys(summary) : []]));
  const curves = useMemo(
    () => new Map((JSON.parse(asked) as [string, boolean, string[]][]).map(([id, goesOn, keys]) => [id, goesOn ? shelf.take(id, keys) : shelf.still(id)])),
    [asked, shelf],
  );
  useEffect(() => {
    const ends = [...curves].map(([id, each]) => (each instanceof RunCurves ? each.start(live.follow.bind(live), `run.${id}`) : () => undefined));
    return () => ends.forEach((end) => end());
  }, [curves]);
  return curves;
}

interface OverlaidProps extends Pick<Props, "runs" | "colors" | "view"> {
  metric: string;
  curves: ReadonlyMap<string, Curves>;
  range: Span | null;
  onRange: (range: Span | null) => void;
}

function Overlaid({ metric, runs, curves, colors, view, range, onRange }: OverlaidProps) {
  const looks = useMemo(() => runs.map(({ id, name, started_at: started }) => ({ id, name, started })), [runs]);
  const key = JSON.stringify(looks);
  const source = useMemo(
    () => overlaid(metric, JSON.parse(key) as Look[], curves, colors, view.x),
    [metric, key, curves, colors, view.x],
  );
  return (
    <TimeSeries title={metric} source={source} x={view.x} smoothing={view.smooth} log={view.log} logX={view.logX} band={view.band} range={range} onRange={onRange} group="compare" legend={runs.length <= LEGEND_MOST} height={220} />
  );
}

interface Look {
  id: string;
  name: string;
  started: string | null;
}

/** One metric of several runs as a single source. */
function overlaid(metric: string, looks: readonly Look[], curves: ReadonlyMap<string, Curves>, colors: ReadonlyMap<string, string>, x: CurveView["x"]): CurveSource {
  const sources = looks.flatMap(({ id, name, started }) => {
    const axis: XAxis = x === "relative" ? { kind: x, zero: started ? Date.parse(started) / 1000 : 0 } : { kind: x };
    const source = curves.get(id)?.source(metric, { label: name, color: colors.get(id) ?? "" }, axis);
    return source ? [{ id, source }] : [];
  });
  return {
    subscribe: (changed) => {
      const ends = sources.map(({ source }) => source.subscribe(changed));
      return () => ends.forEach((end) => end());
    },
    // A curve is named by its metric where it comes from; here by its run.
    curves: () => sources.flatMap(({ id, source }) => source.curves().map((curve) => Object.assign(curve, { id }))),
  };
}
