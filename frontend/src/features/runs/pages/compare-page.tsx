import { Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useCrumbs } from "@/components/breadcrumbs";
import { Emphasis } from "@/components/emphasis";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { SERIES, seriesIndices } from "@/lib/series-colors";
import { isOver } from "@/lib/states";
import { compareQuery, type Compared } from "../api-compare";
import type { Modes } from "../compare";
import { AddRun } from "../components/add-run";
import { CompareArtifacts } from "../components/compare/artifacts";
import { CompareEvaluations } from "../components/compare/evaluations";
import { CompareParallel } from "../components/compare/parallel";
import { CompareSource } from "../components/compare/source";
import { CompareCurves, type CurveView } from "../components/compare-curves";
import { CompareLegend } from "../components/compare-legend";
import { CompareScatter } from "../components/compare-scatter";
import { CompareTable } from "../components/compare-table";
import { ExportCurves } from "../components/export-menu";
import { COMPARED_MOST } from "../components/selection-bar";
import { brushesOf, brushTexts } from "../parallel";

const route = getRouteApi("/runs/compare");
const NONE: string[] = [];
/** While some of the runs go on, what stands beside their curves is read again so often: ms. */
const AGAIN = 10_000;

/** 2 to 50 runs side by side. */
export function ComparePage() {
  const { t } = useTranslation("runs");
  const { run: asked = NONE } = route.useSearch();
  const ids = useMemo(() => [...new Set(asked)].slice(0, COMPARED_MOST), [asked]);
  useCrumbs([{ title: t("title"), link: { to: "/runs" } }, { title: t("compare.crumb") }]);
  const navigate = useNavigate({ from: "/runs/compare" });
  const add = (id: string): void => void navigate({ search: (before) => ({ ...before, run: [...ids, id] }), replace: true, resetScroll: false });
  const query = useQuery({
    ...compareQuery(ids),
    enabled: ids.length > 1,
    // Others are added and left out: those that are known stay while it is read.
    placeholderData: (before) => before && { runs: before.runs.filter(({ run }) => ids.includes(run.id)) },
    refetchInterval: ({ state }) => (state.data?.runs.some(({ run }) => !isOver(run.state)) ? AGAIN : false),
  });
  return (
    <>
      <PageHeader
        title={ids.length < 2 ? t("compare.crumb") : t("compare.title", { n: ids.length })}
        actions={
          <>
            {ids.length > 1 ? <ExportCurves ids={ids} runs={query.data?.runs ?? []} /> : null}
            <AddRun taken={ids} onAdd={(id) => add(id)} disabled={ids.length >= COMPARED_MOST} />
          </>
        }
      />
      {ids.length < 2 ? (
        <EmptyState text={t("compare.empty", { most: COMPARED_MOST })} action={<ToRuns />} />
      ) : (
        <Faces query={query} loading={<LoadingFace rows={8} />}>
          {({ runs }) => <ComparedRuns compared={runs} />}
        </Faces>
      )}
    </>
  );
}

function ToRuns() {
  const { t } = useTranslation("runs");
  return (
    <LinkButton to="/runs">{t("compare.toRuns")}</LinkButton>
  );
}

const TABS = ["curves", "differences", "parallel", "scatter", "evaluations", "files", "source"] as const;

function ComparedRuns({ compared }: { compared: readonly Compared[] }) {
  const { t } = useTranslation("runs");
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/runs/compare" });
  const change = (part: object): void => void navigate({ search: (before) => ({ ...before, ...part }), replace: true, resetScroll: false });
  const runs = useMemo(() => compared.map(({ run }) => run), [compared]);
  const ids = runs.map(({ id }) => id).join(" ");
  const colors = useMemo(() => new Map([...seriesIndices(ids.split(" "))].map(([id, index]) => [id, SERIES[index] ?? ""])), [ids]);
  const modes = useMemo<Modes>(() => new Map(compared.flatMap(({ modes: of }) => Object.entries(of))), [compared]);
  const view: CurveView = {
    x: search.x ?? "step",
    smooth: smoothOf(search.smooth),
    log: search.log === "1",
    logX: search.logx === "1",
    band: search.band === "1",
    members: search.members ?? "mean",
    metrics: search.metric ?? NONE,
  };
  const onView = (part: Partial<CurveView>): void => {
    const next = { ...view, ...part };
    const flag = (on: boolean): string | undefined => (on ? "1" : undefined);
    change({
      x: next.x === "step" ? undefined : next.x,
      smooth: next.smooth ? String(next.smooth) : undefined,
      log: flag(next.log),
      logx: flag(next.logX),
      band: flag(next.band),
      members: next.members === "mean" ? undefined : next.members,
      metric: next.metrics.length ? next.metrics : undefined,
    });
  };
  const [emphasis] = useState(() => new Emphasis());
  const remove = (id: string): void => change({ run: search.run?.filter((each) => each !== id) });
  return (
    <>
      <CompareLegend runs={runs} colors={colors} onRemove={runs.length > 2 ? remove : undefined} emphasis={emphasis} />
      <Tabs value={search.tab ?? "curves"} onChange={(next) => change({ tab: next === "curves" ? undefined : next })} keepMounted={false}>
        <Tabs.List>
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t(`compare.tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="curves">
          <CompareCurves runs={runs} colors={colors} emphasis={emphasis} view={view} onView={onView} />
        </Tabs.Panel>
        <Tabs.Panel value="differences">
          <CompareTable compared={compared} colors={colors} modes={modes} all={search.all === "1"} onAll={(all) => change({ all: all ? "1" : undefined })} />
        </Tabs.Panel>
        <Tabs.Panel value="parallel">
          <CompareParallel
            runs={runs}
            colors={colors}
            modes={modes}
            fields={search.axes}
            brushes={brushesOf(search.brush)}
            tint={search.tint}
            onChange={({ brushes, ...rest }) => change({ ...rest, ...(brushes ? { brush: brushes.size ? brushTexts(brushes) : undefined } : {}) })}
          />
        </Tabs.Panel>
        <Tabs.Panel value="scatter">
          <CompareScatter runs={runs} colors={colors} modes={modes} axes={search} onAxes={change} />
        </Tabs.Panel>
        <Tabs.Panel value="evaluations" pt="md">
          <CompareEvaluations compared={compared} colors={colors} />
        </Tabs.Panel>
        <Tabs.Panel value="files" pt="md">
          <CompareArtifacts compared={compared} colors={colors} name={search.file} onName={(file) => change({ file })} />
        </Tabs.Panel>
        <Tabs.Panel value="source">
          <CompareSource compared={compared} left={search.left} right={search.right} path={search.path} onChoose={change} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function smoothOf(text: string | undefined): number {
  const number = Number(text ?? 0);
  return Number.isFinite(number) ? Math.min(0.99, Math.max(0, number)) : 0;
}
