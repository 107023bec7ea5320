import { SegmentedControl, Switch } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { poolHistoryQuery } from "@/api/pools";
import type { components } from "@/api/schema.gen";
import { Faces, LoadingFace } from "@/components/faces";
import { TimeSeries } from "@/components/time-series";
import { amountText, byResource, type Resource } from "@/lib/amounts";
import { curveOf, type Curve } from "@/lib/curves";
import { seriesIndices } from "@/lib/series-colors";
import classes from "./pool-history.module.css";

type History = components["schemas"]["PoolHistory"];
type Series = components["schemas"]["UsageSeries"];

const WINDOWS = { "24h": 24, "7d": 168, "30d": 720 } as const;
type Window = keyof typeof WINDOWS;
const names = Object.keys(WINDOWS) as Window[];
const BUCKETS = 240;
const HOUR = 3_600_000;

/** Reserved and used over time beside the capacity, by kind of hardware; each project's share where it is wanted. */
export function PoolHistory({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const search = useSearch({ from: "/quotas" });
  const navigate = useNavigate();
  const window = names.find((each) => each === search.window) ?? "7d";
  const [byProject, setByProject] = useState(false);
  // To the minute, so that coming back does not ask anew.
  const [opened] = useState(() => Math.floor(Date.now() / 60_000) * 60_000);
  const from = new Date(opened - WINDOWS[window] * HOUR).toISOString();
  const history = useQuery(poolHistoryQuery(pool, { from, buckets: BUCKETS, ...(byProject ? { by: "project" as const } : {}) }));
  return (
    <>
      <div className={classes.tools}>
        <SegmentedControl
          aria-label={t("history.window")}
          value={window}
          onChange={(value) => void navigate({ to: "/quotas", search: { ...search, window: value } })}
          data={names.map((each) => ({ value: each, label: t(`history.${each}`) }))}
        />
        <Switch label={t("history.byProject")} checked={byProject} onChange={(event) => setByProject(event.currentTarget.checked)} />
      </div>
      <Faces query={history} loading={<LoadingFace height={240} />}>
        {(data) => <Charts history={data} byProject={byProject} />}
      </Faces>
    </>
  );
}

function Charts({ history, byProject }: { history: History; byProject: boolean }) {
  const kinds = useMemo(() => {
    const found = new Map<string, Series[]>();
    for (const series of [...history.series].sort(byResource)) {
      const key = `${series.resource} ${series.flavor}`;
      found.set(key, [...(found.get(key) ?? []), series]);
    }
    return [...found.entries()];
  }, [history]);
  return (
    <div className={classes.charts}>
      {kinds.map(([key, series]) => (
        <Chart key={key} history={history} series={series} byProject={byProject} />
      ))}
    </div>
  );
}

const FORMATS: Readonly<Record<Resource, (y: number) => string>> = {
  cpu_millis: (y) => amountText("cpu_millis", y),
  memory_bytes: (y) => amountText("memory_bytes", y),
  gpus: (y) => String(Math.round(y * 100) / 100),
};

function Chart({ history, series, byProject }: { history: History; series: readonly Series[]; byProject: boolean }) {
  const { t } = useTranslation(["quotas", "common"]);
  const first = series[0];
  const curves = useMemo(() => curvesOf(history, series, byProject, t("history.capacity"), t("history.reserved"), t("history.used"), t("history.others")), [history, series, byProject, t]);
  if (!first) return null;
  const name = first.resource === "gpus" ? first.flavor || t("allGpus") : t(`resource.${first.resource}`);
  return (
    <div className={classes.chart}>
      <TimeSeries
        title={first.simulated ? `${name} (${t("simulated", { ns: "common" })})` : name}
        curves={curves}
        x="time"
        zero
        legend
        format={FORMATS[first.resource]}
        height={200}
        group="pool-history"
      />
    </div>
  );
}

function curvesOf(history: History, series: readonly Series[], byProject: boolean, capacity: string, reserved: string, used: string, others: string): Curve[] {
  const x = history.starts.map((start) => Date.parse(start) / 1000);
  const limit = series[0]?.capacity ?? 0;
  const all = curveOf({ id: "capacity", label: capacity, color: "var(--cancelled)", dash: [4, 4] }, x, x.map(() => limit));
  if (!byProject)
    return series.flatMap((each) => [
      curveOf({ id: "reserved", label: reserved, color: "var(--series-0)", area: true, stepped: true }, x, each.reserved),
      curveOf({ id: "used", label: used, color: "var(--series-2)", stepped: true }, x, each.used),
      all,
    ]);
  const colors = seriesIndices(series.map(({ project }) => project ?? "others"));
  const shares = series.map((each) => {
    const id = each.project ?? "others";
    return curveOf({ id, label: each.project_name ?? others, color: each.project ? `var(--series-${colors.get(id) ?? 0})` : "var(--soft)", stepped: true }, x, each.reserved);
  });
  return [...shares, all];
}
