import { Tabs } from "@mantine/core";
import { useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useCrumbs } from "@/components/breadcrumbs";
import { EmptyState } from "@/components/empty-state";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { SERIES, seriesIndices } from "@/lib/series-colors";
import { runQuery, type Run } from "../api";
import { runColumnsQuery } from "../api-list";
import type { Modes } from "../compare";
import { AddRun } from "../components/add-run";
import { CompareCurves, type CurveView } from "../components/compare-curves";
import { CompareLegend } from "../components/compare-legend";
import { CompareScatter } from "../components/compare-scatter";
import { CompareTable } from "../components/compare-table";
import { COMPARED_MOST } from "../components/selection-bar";

const route = getRouteApi("/runs/compare");
const NONE: string[] = [];

/** 2 to 20 runs side by side. */
export function ComparePage() {
  const { t } = useTranslation("runs");
  const { run: asked = NONE } = route.useSearch();
  const ids = useMemo(() => [...new Set(asked)].slice(0, COMPARED_MOST), [asked]);
  useCrumbs([{ title: t("title"), link: { to: "/runs" } }, { title: t("compare.crumb") }]);
  const navigate = useNavigate({ from: "/runs/compare" });
  const add = (id: string): void => void navigate({ search: (before) => ({ ...before, run: [...ids, id] }), replace: true, resetScroll: false });
  const found = useQueries({ queries: ids.map(runQuery), combine: together });
  return (
    <>
      <PageHeader
        title={t("compare.title", { n: ids.length })}
        actions={<AddRun taken={ids} onAdd={(id) => add(id)} disabled={ids.length >= COMPARED_MOST} />}
      />
      {ids.length < 2 ? (
        <EmptyState text={t("compare.empty")} action={<ToRuns />} />
      ) : found.error ? (
        <ErrorFace error={found.error} />
      ) : found.isPending ? (
        <LoadingFace rows={8} />
      ) : (
        <Compared runs={found.runs} />
      )}
    </>
  );
}

function together(results: readonly { data: Run | undefined; error: unknown; isPending: boolean }[]) {
  return {
    runs: results.map(({ data }) => data).filter((run) => run !== undefined),
    error: results.find(({ data, error }) => error && !data)?.error ?? null,
    isPending: results.some(({ isPending }) => isPending),
  };
}

function ToRuns() {
  const { t } = useTranslation("runs");
  return (
    <LinkButton to="/runs">{t("compare.toRuns")}</LinkButton>
  );
}

function useModes(runs: readonly Run[]): Modes {
  const project = new Set(runs.map((run) => run.project)).size === 1 ? runs[0]?.project : undefined;
  const known = useQuery(runColumnsQuery({ project })).data;
  return useMemo(() => new Map(known?.metrics.map(({ key, mode }) => [key, mode])), [known]);
}

function Compared({ runs }: { runs: readonly Run[] }) {
  const { t } = useTranslation("runs");
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/runs/compare" });
  const change = (part: object): void => void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
  const ids = runs.map(({ id }) => id).join(" ");
  const colors = useMemo(() => new Map([...seriesIndices(ids.split(" "))].map(([id, index]) => [id, SERIES[index] ?? ""])), [ids]);
  const modes = useModes(runs);
  const tab = search.tab ?? "curves";
  const view: CurveView = { x: search.x ?? "step", smooth: smoothOf(search.smooth), log: search.log === "1" };
  const onView = (part: Partial<CurveView>): void => {
    const next = { ...view, ...part };
    change({ x: next.x === "step" ? undefined : next.x, smooth: next.smooth ? String(next.smooth) : undefined, log: next.log ? "1" : undefined });
  };
  const remove = (id: string): void => change({ run: search.run?.filter((each) => each !== id) });
  return (
    <>
      <CompareLegend runs={runs} colors={colors} onRemove={runs.length > 2 ? remove : undefined} />
      <Tabs value={tab} onChange={(next) => change({ tab: next === "curves" ? undefined : next })} keepMounted={false}>
        <Tabs.List>
          {(["curves", "differences", "scatter"] as const).map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t(`compare.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="curves">
          <CompareCurves runs={runs} colors={colors} view={view} onView={onView} />
        </Tabs.Panel>
        <Tabs.Panel value="differences">
          <CompareTable runs={runs} colors={colors} modes={modes} all={search.all === "1"} onAll={(all) => change({ all: all ? "1" : undefined })} />
        </Tabs.Panel>
        <Tabs.Panel value="scatter">
          <CompareScatter runs={runs} colors={colors} modes={modes} across={search.across} up={search.up} onAxes={change} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function smoothOf(text: string | undefined): number {
  const number = Number(text ?? 0);
  return Number.isFinite(number) ? Math.min(0.99, Math.max(0, number)) : 0;
}
