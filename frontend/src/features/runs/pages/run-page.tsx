import { Code, Tabs } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { workloadKey } from "@/api/why";
import { useCrumbs } from "@/components/breadcrumbs";
import { Faces, LoadingFace } from "@/components/faces";
import { LineageGraph } from "@/components/lineage-graph";
import { LogDock } from "@/components/logs/log-dock";
import { LogViewer } from "@/components/logs/log-viewer";
import { PageHeader } from "@/components/page-header";
import { WhyWaiting } from "@/components/why/why-waiting";
import { Story } from "@/components/story";
import { StateBadge } from "@/components/state-badge";
import { isOver } from "@/lib/states";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { attemptsQuery, runKey, runQuery, storyQuery, type Attempt, type Run } from "../api";
import { Attempts, marksOf } from "../components/run/attempts";
import { CurveGrid } from "../components/run/curve-grid";
import type { View } from "../components/run/curve-tools";
import { Environment } from "../components/run/environment";
import { Idle } from "../components/run/idle";
import { MadeOf } from "../components/run/made-of";
import { Notes } from "../components/run/notes";
import { RunActions } from "../components/run/run-actions";
import { Facts, RunFacts } from "../components/run/run-facts";
import { RunFiles } from "../components/run/run-files";
import { RunLead, StateReason } from "../components/run/run-lead";
import { SystemCharts } from "../components/run/system-charts";
import classes from "../components/run/run.module.css";

const route = getRouteApi("/runs/$runId");

export function RunPage() {
  const { t } = useTranslation("runs");
  const { runId } = route.useParams();
  const refetchInterval = useFallbackInterval();
  const query = useQuery({ ...runQuery(runId), refetchInterval });
  useLiveRefresh(`run.${runId}`, [runKey(runId)]);
  const workload = query.data?.workload;
  useLiveRefresh(workload ? `workload.${workload}` : null, [workloadKey(workload ?? ""), runKey(runId)]);
  useCrumbs([{ title: t("title"), link: { to: "/runs" } }, ...(query.data ? [{ title: query.data.name }] : [])]);
  return (
    <Faces query={query} loading={<LoadingFace rows={12} />}>
      {(run) => <Shown key={run.id} run={run} />}
    </Faces>
  );
}

const NO_ATTEMPTS: readonly Attempt[] = [];

function Shown({ run }: { run: Run }) {
  const { t } = useTranslation(["runs", "common"]);
  const search = route.useSearch();
  const navigate = useNavigate({ from: "/runs/$runId" });
  const attempts = useQuery(attemptsQuery(run.id)).data ?? NO_ATTEMPTS;
  const tab = search.tab ?? "curves";
  const view = useMemo<View>(() => ({ x: search.x ?? "step", smooth: smoothOf(search.smooth), log: search.log === "1" }), [search.x, search.smooth, search.log]);
  const onView = useCallback(
    (change: Partial<View>) => {
      const next = {
        ...("x" in change ? { x: change.x === "step" ? undefined : change.x } : {}),
        ...("smooth" in change ? { smooth: change.smooth ? String(change.smooth) : undefined } : {}),
        ...("log" in change ? { log: change.log ? "1" : undefined } : {}),
      };
      void navigate({ search: (before) => ({ ...before, ...next }), replace: true, resetScroll: false });
    },
    [navigate],
  );
  const onLine = useCallback((line: number | undefined) => void navigate({ search: (before) => ({ ...before, line: line === undefined ? undefined : String(line) }), replace: true, resetScroll: false }), [navigate]);
  const line = search.line && /^\d+$/.test(search.line) ? Number(search.line) : undefined;
  const marks = useMemo(() => marksOf(attempts, view.x, run.started_at, (number) => t("logs.attemptNumber", { ns: "common", number })), [attempts, view.x, run.started_at, t]);
  const over = isOver(run.state);
  return (
    <>
      <PageHeader title={run.name} badge={<StateBadge noun="run" state={run.state} />} lead={<RunLead run={run} />} actions={<RunActions run={run} />} />
      <StateReason run={run} />
      {run.state === "queued" && run.workload ? <Waits run={run} workload={run.workload} /> : null}
      {run.state === "running" && run.workload ? <Idle workload={run.workload} /> : null}
      <div className={classes.columns}>
        <Tabs value={tab} keepMounted={false} onChange={(value) => void navigate({ search: (before) => ({ ...before, tab: value === "curves" ? undefined : (value ?? undefined) }), resetScroll: false })}>
          <Tabs.List mb="sm">
            {TABS.map((each) => (
              <Tabs.Tab key={each} value={each}>
                {t(`tab.${each}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Tabs.Panel value="curves">
            <CurveGrid run={run} view={view} onView={onView} marks={marks} />
          </Tabs.Panel>
          <Tabs.Panel value="system">
            <SystemCharts run={run} attempts={attempts} />
          </Tabs.Panel>
          <Tabs.Panel value="files">
            <RunFiles run={run} />
          </Tabs.Panel>
          <Tabs.Panel value="lineage">
            <LineageGraph kind="run" id={run.id} />
          </Tabs.Panel>
          <Tabs.Panel value="script">
            <Code block className={classes.script} tabIndex={0}>
              {run.script || t("page.noScript")}
            </Code>
          </Tabs.Panel>
          <Tabs.Panel value="story">
            <Story noun="run" query={storyQuery(run.id)} label={t("tab.story")} />
          </Tabs.Panel>
        </Tabs>
        <aside className={classes.side} aria-label={t("page.facts")}>
          <Notes run={run} />
          <RunFacts run={run} />
          <Facts title={t("attempts.title")}>
            <Attempts attempts={attempts} />
          </Facts>
          <MadeOf run={run} />
          <Environment attempts={attempts} />
        </aside>
      </div>
      {run.workload ? (
        <LogDock title={t("logs.title", { ns: "common" })}>
          <LogViewer workload={run.workload} attempts={attempts} line={line} onLine={onLine} isOver={over} />
        </LogDock>
      ) : null}
    </>
  );
}

function Waits({ run, workload }: { run: Run; workload: string }) {
  const { t } = useTranslation("runs");
  return (
    <WhyWaiting workload={workload} fallback={{ reason: run.state_reason, detail: run.state_detail, message: run.state_message }}>
      {run.state_reason === "quality_blocked" && run.dataset_version ? (
        <Link to="/dataset-versions/$versionId" params={{ versionId: run.dataset_version }} search={{ tab: "quality" }}>
          {t("waiting.toVersion")}
        </Link>
      ) : null}
    </WhyWaiting>
  );
}

const TABS = ["curves", "system", "files", "lineage", "script", "story"] as const;

function smoothOf(text: string | undefined): number {
  const smooth = Number(text ?? 0);
  return smooth >= 0 && smooth <= 0.99 ? smooth : 0;
}
