import { SegmentedControl } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { TimeSeries } from "@/components/time-series";
import { curveOf, type Curve, type CurveSource } from "@/lib/curves";
import { NONE, value } from "@/lib/format";
import { figuresQuery } from "../api";
import { WINDOWS, windowNames, type Figures } from "../figures";
import classes from "./endpoints.module.css";

const route = getRouteApi("/endpoints/$endpointId");
/** Figures of all steps but the newest are final; as often as a step ends they are read, but no more than that. */
const MOST_OFTEN = 2_000;
const LEAST_OFTEN = 60_000;
/** A step without a request has no latency. */
const three = (y: number): string => (Number.isNaN(y) ? NONE : value(y, 3));
const dash = [5, 4] as const;

/** Requests, latency and errors as callers see them, and the time that replicas take themselves; they go on while they are looked at. */
export function FiguresCharts({ id, colors }: { id: string; colors: ReadonlyMap<string, string> }) {
  const { t } = useTranslation("endpoints");
  const search = route.useSearch();
  const navigate = useNavigate();
  const client = useQueryClient();
  const window = windowNames.find((each) => each === search.window) ?? "5m";
  const often = Math.min(LEAST_OFTEN, Math.max(MOST_OFTEN, WINDOWS[window].step * 1000));
  const query = useQuery({ ...figuresQuery(client, id, window), refetchInterval: often, refetchIntervalInBackground: false });
  return (
    <section aria-label={t("tab.figures")}>
      <div className={classes.tools}>
        <SegmentedControl
          aria-label={t("figures.window")}
          value={window}
          onChange={(next) => void navigate({ to: ".", search: (before) => ({ ...before, window: next === "5m" ? undefined : next }), replace: true, resetScroll: false })}
          data={windowNames.map((name) => ({ value: name, label: t(`figures.last.${name}`) }))}
        />
      </div>
      <Faces query={query} loading={<LoadingFace height={460} />}>
        {(figures) => <Charts key={window} figures={figures} colors={colors} group={`endpoint ${id}`} />}
      </Faces>
    </section>
  );
}

interface ChartsProps {
  figures: Figures;
  colors: ReadonlyMap<string, string>;
  group: string;
}

function Charts({ figures, colors, group }: ChartsProps) {
  const { t } = useTranslation("endpoints");
  const charts = useMemo(() => chartsOf(figures, colors, (key, more) => t(key as "figures.requests", more as never) as unknown as string), [figures, colors, t]);
  return (
    <div className={classes.charts}>
      {charts.map(({ key, ...chart }) => (
        <OneChart key={key} {...chart} group={group} />
      ))}
    </div>
  );
}

/** Hands new curves to the chart that is there: it draws them, and nothing else of the page is made anew. */
class Renewed implements CurveSource {
  private held: readonly Curve[] = [];
  private readonly listeners = new Set<() => void>();

  readonly subscribe = (changed: () => void): (() => void) => {
    this.listeners.add(changed);
    return () => this.listeners.delete(changed);
  };

  readonly curves = (): readonly Curve[] => this.held;

  readonly renew = (curves: readonly Curve[]): void => {
    this.held = curves;
    for (const changed of this.listeners) changed();
  };
}

function OneChart({ title, unit, curves, group }: Omit<Chart, "key"> & { group: string }) {
  const [source] = useState(() => new Renewed());
  useLayoutEffect(() => source.renew(curves), [source, curves]);
  return (
    <div className={classes.card}>
      <TimeSeries title={title} unit={unit} source={source} x="time" zero legend format={three} height={176} group={group} />
    </div>
  );
}

type Say = (key: string, more?: Record<string, unknown>) => string;

interface Chart {
  key: string;
  title: string;
  unit: string;
  curves: Curve[];
}

/** The four charts. Requests are told apart by revision where there are several. */
function chartsOf({ times, gateway, replicas }: Figures, colors: ReadonlyMap<string, string>, say: Say): Chart[] {
  const { total, revisions } = gateway;
  const latency = (of: Figures["gateway"]["total"]): Curve[] => [
    curveOf({ id: "p50", label: "p50", color: "var(--series-0)" }, times, of.p50_ms),
    curveOf({ id: "p95", label: "p95", color: "var(--series-4)" }, times, of.p95_ms),
    curveOf({ id: "p99", label: "p99", color: "var(--series-1)" }, times, of.p99_ms),
  ];
  const all = curveOf({ id: "all", label: say("figures.all"), color: "var(--accent)", area: true }, times, total.requests_per_second);
  const each = revisions.map(({ revision, number, requests_per_second }) =>
    curveOf(
      { id: revision ?? "none", label: revision ? say("revision.short", { number }) : say("figures.noRevision"), color: (revision && colors.get(revision)) || "var(--soft)", dash: revision ? [] : dash },
      times,
      requests_per_second,
    ),
  );
  return [
    { key: "requests", title: say("figures.requests"), unit: say("unit.perSecond"), curves: each.length > 1 ? [all, ...each] : [all] },
    { key: "latency", title: say("figures.latency"), unit: "ms", curves: latency(total) },
    {
      key: "errors",
      title: say("figures.errors"),
      unit: say("unit.perSecond"),
      curves: [
        curveOf({ id: "server", label: say("figures.server"), color: "var(--failed)", area: true }, times, total.errors_per_second.server),
        curveOf({ id: "caller", label: say("figures.caller"), color: "var(--waiting)" }, times, total.errors_per_second.caller),
      ],
    },
    { key: "replicas", title: say("figures.replicas"), unit: "ms", curves: latency(replicas.total) },
  ];
}
