import { Button } from "@mantine/core";
import { IconPlayerStop } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { whyQuery, workloadKey, workloadQuery } from "@/api/why";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { Story } from "@/components/story";
import { PastEstimates } from "@/components/why/past-estimates";
import { WhyWaiting } from "@/components/why/why-waiting";
import { bytes, cores, count, NONE } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { isOver } from "@/lib/states";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { Link, useParams } from "@tanstack/react-router";
import { HeldFor } from "../components/held-for";
import { stopWorkload, workloadStoryQuery, type WorkloadDetail } from "../api";
import classes from "./workload-page.module.css";

/** Anything that takes compute: what it asks and holds, where, why it is in its state, and its story. */
export function WorkloadPage() {
  const { workloadId } = useParams({ from: "/workloads/$workloadId" });
  const { t } = useTranslation("quotas");
  const query = useQuery({ ...workloadQuery(workloadId), refetchInterval: useFallbackInterval() });
  useLiveRefresh(`workload.${workloadId}`, [workloadKey(workloadId)]);
  useCrumbs([{ title: t("title"), link: { to: "/quotas" } }, { title: query.data?.name ?? "…" }]);
  return (
    <Faces query={query} loading={<LoadingFace height={320} />}>
      {(workload) => (
        <>
          <PageHeader
            title={workload.name}
            badge={<StateBadge noun="workload" state={workload.state} />}
            lead={
              <>
                <span>{workload.project_name}</span>
                <span>{t("workload.by", { name: workload.requested_by_name ?? NONE })}</span>
                <Ago at={workload.created_at} />
                <Owner workload={workload} />
              </>
            }
            actions={<Stop workload={workload} />}
          />
          {workload.state === "pending" ? (
            <WhyWaiting workload={workload.id}>{workload.is_held ? <HeldFor workload={workload.id} /> : null}</WhyWaiting>
          ) : (
            <p className={classes.reason}>
              <Reason reason={workload.state_reason} detail={workload.state_detail} message={workload.state_message} />
            </p>
          )}
          <div className={classes.columns}>
            <section aria-labelledby="facts">
              <h2 id="facts">{t("workload.facts")}</h2>
              <Facts workload={workload} />
              {workload.state === "pending" ? null : <Estimated workload={workload.id} />}
            </section>
            <section aria-labelledby="story">
              <h2 id="story">{t("workload.story")}</h2>
              <Story noun="workload" query={workloadStoryQuery(workloadId)} label={t("workload.story")} />
            </section>
          </div>
        </>
      )}
    </Faces>
  );
}

/** What was said of when it would start, and how far off that was. */
function Estimated({ workload }: { workload: string }) {
  const { data: why } = useQuery(whyQuery(workload));
  return why?.history.length ? (
    <div className={classes.estimated}>
      <PastEstimates why={why} />
    </div>
  ) : null;
}

function Owner({ workload }: { workload: WorkloadDetail }) {
  const { t } = useTranslation("quotas");
  const { owner_kind: kind, owner_id: id } = workload;
  if (kind === "run")
    return (
      <Link to="/runs/$runId" params={{ runId: id }}>
        {t("workload.toRun")}
      </Link>
    );
  if (kind === "ingestion" || kind === "cleaning_run" || kind === "profile" || kind === "validation_run")
    return (
      <Link to="/dataset-jobs/$kind/$jobId" params={{ kind, jobId: id }}>
        {t("workload.toJob")}
      </Link>
    );
  return null;
}

function Facts({ workload }: { workload: WorkloadDetail }) {
  const { t } = useTranslation("quotas");
  const place = workload.place;
  const rows: [string, React.ReactNode][] = [
    [t("workload.pool"), <Link key="pool" to="/quotas" search={{ tab: "queue", pool: workload.pool }}>{workload.pool_name}</Link>],
    ...(place ? ([[t("queue.position"), t("workload.place", { position: count(place.position), inProject: count(place.queue_position) })]] as [string, string][]) : []),
    [t("resource.cpu_millis"), cores(workload.cpu_millis)],
    [t("resource.memory_bytes"), bytes(workload.memory_bytes)],
    [t("resource.gpus"), workload.gpus ? `${count(workload.gpus)} × ${workload.flavor_granted || workload.flavor || t("gpu")}` : NONE],
    [t("workload.members"), t("workload.granted", { granted: count(workload.count_granted ?? 0), min: count(workload.count_min ?? 1), max: count(workload.count_max ?? 1) })],
    [t("queue.priority"), count(workload.priority ?? 0)],
    [t("workload.attempts"), t("workload.attemptsOf", { made: count(workload.attempts_made ?? 0), most: count(workload.max_attempts ?? 1) })],
    [t("workload.admitted"), <Ago key="admitted" at={workload.admitted_at} />],
    [t("workload.started"), <Ago key="started" at={workload.started_at} />],
    [t("workload.ended"), <Ago key="ended" at={workload.ended_at} />],
  ];
  return (
    <dl className={classes.facts}>
      {rows.map(([word, value]) => (
        <div key={word}>
          <dt>{word}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Stop({ workload }: { workload: WorkloadDetail }) {
  const { t } = useTranslation("quotas");
  const client = useQueryClient();
  const [asking, setAsking] = useState(false);
  const mayStop = useHasRole("editor", workload.project);
  if (isOver(workload.state) || workload.state === "stopping" || !mayStop) return null;
  return (
    <>
      <Button variant="default" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={() => setAsking(true)}>
        {t("workload.stop")}
      </Button>
      <ConfirmDialog
        opened={asking}
        onClose={() => setAsking(false)}
        title={t("workload.stopTitle", { name: workload.name })}
        verb={t("workload.stopVerb")}
        onConfirm={async () => {
          await stopWorkload(workload.id);
          await client.invalidateQueries({ queryKey: ["workload", workload.id] });
        }}
      >
        {t(workload.state === "running" ? "workload.stopRunning" : "workload.stopWaiting", { name: workload.name })}
      </ConfirmDialog>
    </>
  );
}
