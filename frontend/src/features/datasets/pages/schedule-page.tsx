import { Button, Text, Title } from "@mantine/core";
import { IconPlayerPause, IconPlayerPlay, IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { ConfirmDialog } from "@/components/confirm-dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { moment } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useFallbackInterval } from "@/live/use-live";
import { keys, useWrite, type Ingestion } from "../api";
import { Follow } from "../components/follow";
import { JobState } from "../components/job-state";
import { useWords } from "../components/schedule-words";
import { originName } from "../logic/origins";
import { moveSchedule, runSchedule, scheduledQuery, scheduleQuery, type Schedule } from "../schedules-api";
import classes from "./schedule-page.module.css";

const route = getRouteApi("/ingestion-schedules/$scheduleId");
const keyOf = (row: Ingestion): string => row.id;
const REFRESH = [keys.all];

/** One schedule: when it comes, what came of it, and its verbs. */
export function SchedulePage() {
  const { scheduleId } = route.useParams();
  const interval = useFallbackInterval();
  const query = useQuery({ ...scheduleQuery(scheduleId), refetchInterval: interval });
  return (
    <Faces query={query} loading={<LoadingFace height={320} />}>
      {(schedule) => <Shown schedule={schedule} />}
    </Faces>
  );
}

function Shown({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("datasets");
  const words = useWords();
  const mayWrite = useHasRole("editor", schedule.project);
  useCrumbs([
    { title: t("title"), link: { to: "/datasets" } },
    { title: schedule.dataset_name, link: { to: "/datasets/$datasetId", params: { datasetId: schedule.dataset } } },
    { title: t("schedule.title") },
  ]);
  const facts: [string, React.ReactNode][] = [
    [t("schedule.origin"), <span key="o" className="mono">{schedule.origin.url ?? schedule.origin.query}</span>],
    [t("fetch.credentials"), schedule.origin.credentials || t("fetch.noCredentials")],
    [t("schedule.times"), words(schedule)],
    [t("schedule.next"), schedule.next_at ? moment(schedule.next_at) : t("schedule.notNow")],
    [t("fetch.adds"), t(`fetch.mode.${schedule.mode}`)],
    [t("schedule.skipped"), String(schedule.skipped_count)],
    [t("fetch.failures"), String(schedule.failures_most)],
  ];
  return (
    <>
      <PageHeader
        title={originName(schedule.origin)}
        badge={<StateBadge noun="ingestion_schedule" state={schedule.state} />}
        lead={
          <>
            <Link to="/datasets/$datasetId" params={{ datasetId: schedule.dataset }}>
              {schedule.dataset_name}
            </Link>
            <span>{schedule.project_name}</span>
            {schedule.created_by_name ? <span>{t("schedule.inTheNameOf", { name: schedule.created_by_name })}</span> : null}
            <Ago at={schedule.created_at} />
          </>
        }
        actions={mayWrite && schedule.state !== "retired" ? <Verbs schedule={schedule} /> : undefined}
      />
      {schedule.state_reason || schedule.state_detail ? (
        <Text role="status" className={classes.why}>
          <Reason reason={schedule.state_reason} detail={schedule.state_detail} message={schedule.state_message} />
        </Text>
      ) : null}
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Title order={2} mb="sm">
        {t("schedule.history")}
      </Title>
      <History schedule={schedule} />
    </>
  );
}

function Verbs({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const move = useWrite(moveSchedule);
  const run = useWrite(runSchedule);
  const [retiring, setRetiring] = useState(false);
  const isActive = schedule.state === "active";
  const error = move.error ?? run.error;
  return (
    <div>
      <div className={classes.verbs}>
        <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} loading={run.isPending} onClick={() => run.mutate(schedule.id, { onSuccess: (made) => void navigate({ to: "/dataset-jobs/$kind/$jobId", params: { kind: "ingestion", jobId: made.id } }) })}>
          {t("schedule.run")}
        </Button>
        <Button variant="default" leftSection={isActive ? <IconPlayerPause size={14} aria-hidden /> : <IconPlayerPlay size={14} aria-hidden />} loading={move.isPending} onClick={() => move.mutate({ id: schedule.id, verb: isActive ? "pause" : "resume" })}>
          {t(isActive ? "schedule.pause" : "schedule.resume")}
        </Button>
        <Button variant="subtle" color="red" c="var(--failed)" onClick={() => setRetiring(true)}>
          {t("schedule.retire")}
        </Button>
      </div>
      {error ? <ErrorDetails error={error} /> : null}
      <ConfirmDialog opened={retiring} onClose={() => setRetiring(false)} title={t("schedule.retireTitle", { name: originName(schedule.origin) })} verb={t("schedule.retire")} onConfirm={() => move.mutateAsync({ id: schedule.id, verb: "retire" })}>
        {t("schedule.retireEffect")}
      </ConfirmDialog>
    </div>
  );
}

function History({ schedule }: { schedule: Schedule }) {
  const { t } = useTranslation("datasets");
  const interval = useFallbackInterval();
  const query = useQuery({ ...scheduledQuery(schedule.id), refetchInterval: interval });
  const columns = useMemo<Column<Ingestion>[]>(
    () => [
      { key: "created", title: t("column.created"), width: 200, pinned: true, cell: (row) => moment(row.created_at) },
      { key: "state", title: t("column.task"), width: 200, cell: (row) => <JobState kind="ingestion" id={row.id} state={row.state} /> },
      { key: "made", title: t("column.made"), width: 120, cell: (row) => <Made row={row} /> },
      { key: "why", title: t("column.why"), grow: true, width: 320, cell: (row) => <Reason reason={row.state_reason} detail={row.state_detail} message={row.state_message} /> },
      { key: "by", title: t("column.by"), width: 120, cell: (row) => row.requested_by_name },
    ],
    [t],
  );
  return (
    <>
      <Follow subjects={query.data?.map(({ id, state }) => ({ kind: "ingestion" as const, id, state })) ?? []} refresh={REFRESH} />
      <DataTable label={t("schedule.history")} columns={columns} rows={query.data} rowKey={keyOf} error={query.error} onRetry={() => void query.refetch()} height="fill" empty={<Text className="soft">{t("schedule.never")}</Text>} />
    </>
  );
}

function Made({ row }: { row: Ingestion }) {
  const { t } = useTranslation("datasets");
  if (!row.version) return row.state_reason === "unchanged" ? <span className="soft">{t("schedule.unchanged")}</span> : null;
  return (
    <Link to="/dataset-versions/$versionId" params={{ versionId: row.version }}>
      {t("version.short", { number: row.version_number })}
    </Link>
  );
}
