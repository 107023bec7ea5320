import { Button, SegmentedControl, Slider, Switch, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { TimeSeries } from "@/components/time-series";
import type { Span } from "@/components/plot";
import type { CurveSource } from "@/lib/curves";
import { live } from "@/live/live";
import type { XAxis } from "@/live/metric-buffer";
import { RunCurves } from "@/live/run-curves";
import { readMetrics, type Run } from "../api";
import { commonKeys } from "../compare";
import classes from "./compare.module.css";

export interface CurveView {
  x: "step" | "time" | "relative";
  /** 0 … 0.99 */
  smooth: number;
  log: boolean;
}

interface Props {
  runs: readonly Run[];
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
  const [words, setWords] = useState("");
  const [most, setMost] = useState(SHOWN_AT_FIRST);
  const [range, setRange] = useState<Span | null>(null);
  const curves = useCurves(runs);
  const keys = useMemo(() => commonKeys(runs), [runs]);
  const found = keys.filter((key) => key.toLowerCase().includes(words.trim().toLowerCase()));
  const setX = (x: CurveView["x"]): void => {
    setRange(null);
    onView({ x });
  };
  return (
    <>
      <div className={classes.bar}>
        <TextInput
          type="search"
          aria-label={t("compare.findMetric")}
          placeholder={t("compare.findMetric")}
          leftSection={<IconSearch size={14} aria-hidden />}
          value={words}
          onChange={(event) => setWords(event.currentTarget.value)}
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

/** Curves stay while others are left out or added. */
class Shelf {
  private readonly held = new Map<string, RunCurves>();

  take(id: string, keys: readonly string[]): RunCurves {
    const found = this.held.get(id) ?? new RunCurves(readMetrics(id), keys, WHOLE);
    this.held.set(id, found);
    found.expect(keys);
    return found;
  }
}

/** The points of every run, read once and followed while they are looked at. */
function useCurves(runs: readonly Run[]): ReadonlyMap<string, RunCurves> {
  const [shelf] = useState(() => new Shelf());
  const asked = JSON.stringify(runs.map(({ id, summary }) => [id, Object.keys(summary)]));
  const curves = useMemo(() => new Map((JSON.parse(asked) as [string, string[]][]).map(([id, keys]) => [id, shelf.take(id, keys)])), [asked, shelf]);
  useEffect(() => {
    const ends = [...curves].map(([id, each]) => each.start(live.follow.bind(live), `run.${id}`));
    return () => ends.forEach((end) => end());
  }, [curves]);
  return curves;
}

interface OverlaidProps extends Pick<Props, "runs" | "colors" | "view"> {
  metric: string;
  curves: ReadonlyMap<string, RunCurves>;
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
    <TimeSeries title={metric} source={source} x={view.x} smoothing={view.smooth} log={view.log} range={range} onRange={onRange} group="compare" legend={runs.length <= LEGEND_MOST} height={220} />
  );
}

interface Look {
  id: string;
  name: string;
  started: string | null;
}

/** One metric of several runs as a single source. */
function overlaid(metric: string, looks: readonly Look[], curves: ReadonlyMap<string, RunCurves>, colors: ReadonlyMap<string, string>, x: CurveView["x"]): CurveSource {
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
