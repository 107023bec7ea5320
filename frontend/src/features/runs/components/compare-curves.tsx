import { Button, MultiSelect, SegmentedControl, Slider, Switch } from "@mantine/core";
import { useElementSize, useIntersection, useMergedRef } from "@mantine/hooks";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Emphasis } from "@/components/emphasis";
import { TimeSeries } from "@/components/time-series";
import type { Span } from "@/components/plot";
import type { CurveSource } from "@/lib/curves";
import { dashOf } from "@/lib/series-colors";
import type { CompareRun } from "../api-compare";
import { commonKeys } from "../compare";
import { MEMBER_VIEWS, type MemberView } from "../member-curves";
import { Refiner } from "../refiner";
import { axisOf, hasMembers, useShelf, type Shelf } from "./compare-sources";
import classes from "./compare.module.css";

export interface CurveView {
  x: "step" | "time" | "relative";
  /** 0 … 0.99 */
  smooth: number;
  log: boolean;
  logX: boolean;
  band: boolean;
  members: MemberView;
  /** Metrics that are shown; none: all. */
  metrics: readonly string[];
}

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  emphasis: Emphasis;
  view: CurveView;
  onView: (part: Partial<CurveView>) => void;
}

const SHOWN_AT_FIRST = 12;
/** More lines than these are told apart by the list above. */
const LEGEND_MOST = 8;

/** Each metric as a chart with a curve for each run; those that go on move. */
export function CompareCurves({ runs, colors, emphasis, view, onView }: Props) {
  const { t } = useTranslation("runs");
  const [most, setMost] = useState(SHOWN_AT_FIRST);
  const [range, setRange] = useState<Span | null>(null);
  const { shelf, version } = useShelf(runs);
  const refiner = useMemo(() => new Refiner(shelf), [shelf]);
  useEffect(() => () => refiner.end(), [refiner]);
  const keys = useMemo(() => commonKeys(runs), [runs]);
  const found = view.metrics.length ? view.metrics.filter((key) => keys.includes(key)) : keys;
  const setX = (x: CurveView["x"]): void => {
    setRange(null);
    onView({ x });
  };
  const gangs = runs.filter(hasMembers);
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
        {gangs.length ? (
          <SegmentedControl
            aria-label={t("compare.members")}
            value={view.members}
            onChange={(members) => onView({ members })}
            data={MEMBER_VIEWS.map((value) => ({ value, label: t(`compare.memberView.${value}`) }))}
          />
        ) : null}
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
      {gangs.length && view.members === "each" && gangs.some(({ count_max: members }) => members > MEMBERS_MOST) ? <p className="soft">{t("compare.membersCut")}</p> : null}
      {found.length ? null : <p className="soft">{t("compare.noMetric")}</p>}
      <div className={classes.grid}>
        {found.slice(0, most).map((key) => (
          <Overlaid key={key} metric={key} runs={runs} shelf={shelf} version={version} refiner={refiner} colors={colors} emphasis={emphasis} view={view} range={range} onRange={setRange} />
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

/** So many members of a job the API tells apart. */
const MEMBERS_MOST = 64;

interface OverlaidProps extends Pick<Props, "runs" | "colors" | "emphasis" | "view"> {
  metric: string;
  shelf: Shelf;
  /** Of what the shelf has. */
  version: string;
  refiner: Refiner;
  range: Span | null;
  onRange: (range: Span | null) => void;
}

function Overlaid({ metric, runs, shelf, version, refiner, colors, emphasis, view, range, onRange }: OverlaidProps) {
  const { t } = useTranslation("runs");
  const looks = useMemo(() => runs.map(({ id, name, started_at: started }) => ({ id, name, started })), [runs]);
  const key = JSON.stringify(looks);
  const { x, members } = view;
  const source = useMemo(
    () => overlaid({ metric, looks: JSON.parse(key) as Look[], shelf, colors, x, members, version, member: (n) => t("compare.member", { n }) }),
    [metric, key, shelf, version, colors, x, members, t],
  );
  const { ref: sightRef, entry } = useIntersection<HTMLDivElement>({ rootMargin: "0px" });
  const { ref: sizeRef, width } = useElementSize<HTMLDivElement>();
  const ref = useMergedRef(sightRef, sizeRef);
  const inSight = entry?.isIntersecting ?? false;
  useEffect(() => {
    if (range && inSight && width > 0) refiner.want(metric, axisOf(x, null), range, Math.round(width));
  }, [refiner, metric, x, range, inSight, width]);
  const lines = members === "each" ? runs.reduce((sum, run) => sum + (hasMembers(run) ? run.count_max : 1), 0) : runs.length;
  return (
    <div ref={ref} className={`surface ${classes.card}`}>
      <TimeSeries
        title={metric}
        source={source}
        x={x}
        smoothing={view.smooth}
        log={view.log}
        logX={view.logX}
        band={view.band}
        range={range}
        onRange={onRange}
        group="compare"
        legend={lines <= LEGEND_MOST}
        emphasis={emphasis}
        height={220}
      />
    </div>
  );
}

interface Look {
  id: string;
  name: string;
  started: string | null;
}

interface OverlaidOf {
  metric: string;
  looks: readonly Look[];
  shelf: Shelf;
  version: string;
  colors: ReadonlyMap<string, string>;
  x: CurveView["x"];
  members: MemberView;
  member: (n: number) => string;
}

/** One metric of several runs as a single source. */
function overlaid({ metric, looks, shelf, colors, x, members, member }: OverlaidOf): CurveSource {
  const sources = looks.map(({ id, name, started }, place) => {
    const look = { label: name, color: colors.get(id) ?? "", dash: dashOf(place), group: id };
    return { id, source: shelf.source(id, metric, look, axisOf(x, started), members, member) };
  });
  return {
    subscribe: (changed) => {
      const ends = sources.map(({ source }) => source.subscribe(changed));
      return () => ends.forEach((end) => end());
    },
    // A curve is named by its metric where it comes from; here by its run.
    curves: () => sources.flatMap(({ id, source }) => source.curves().map((curve) => (curve.id === metric ? Object.assign(curve, { id }) : curve))),
  };
}
