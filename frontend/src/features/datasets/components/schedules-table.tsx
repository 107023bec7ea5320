import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { LinkButton } from "@/components/link-button";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { moment } from "@/lib/format";
import { useFallbackInterval } from "@/live/use-live";
import { originName } from "../logic/origins";
import { schedulesQuery, type Schedule } from "../schedules-api";
import { JobState } from "./job-state";
import { useWords } from "./schedule-words";

const keyOf = (schedule: Schedule): string => schedule.id;

/** Schedules of a project or a dataset. */
export function SchedulesTable({ project, dataset, mayAsk }: { project?: string | undefined; dataset?: string | undefined; mayAsk: boolean }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const interval = useFallbackInterval();
  const query = useQuery({ ...schedulesQuery({ project, dataset }), refetchInterval: interval });
  const words = useWords();
  const columns = useMemo<Column<Schedule>[]>(
    () => [
      {
        key: "name",
        title: t("schedule.origin"),
        grow: true,
        width: 220,
        pinned: true,
        cell: (row) => (
          <Link to="/ingestion-schedules/$scheduleId" params={{ scheduleId: row.id }} title={row.origin.url}>
            <strong>{originName(row.origin)}</strong>
          </Link>
        ),
      },
      ...(dataset ? [] : [{ key: "dataset", title: t("schedule.dataset"), width: 160, cell: (row: Schedule) => <Link to="/datasets/$datasetId" params={{ datasetId: row.dataset }}>{row.dataset_name}</Link> }]),
      { key: "state", title: t("schedule.state"), width: 120, cell: (row) => <StateBadge noun="ingestion_schedule" state={row.state} /> },
      { key: "times", title: t("schedule.times"), width: 200, cell: (row) => words(row) },
      { key: "next", title: t("schedule.next"), width: 170, cell: (row) => (row.next_at ? moment(row.next_at) : null) },
      { key: "last", title: t("schedule.last"), width: 260, cell: (row) => (row.newest_ingestion ? <Last row={row} /> : <span className="soft">{t("schedule.never")}</span>) },
      { key: "why", title: t("column.why"), width: 200, cell: (row) => <Reason reason={row.state_reason} detail={row.state_detail} message={row.state_message} /> },
    ],
    [t, dataset, words],
  );
  const ask = mayAsk ? (
    <LinkButton to="/datasets/fetch" search={dataset ? { dataset } : {}}>
      {t("fetch.verbLong")}
    </LinkButton>
  ) : undefined;
  return (
    <DataTable
      label={t("tab.schedules")}
      columns={columns}
      rows={query.data}
      rowKey={keyOf}
      rowName={(row) => originName(row.origin)}
      onOpen={(row) => void navigate({ to: "/ingestion-schedules/$scheduleId", params: { scheduleId: row.id } })}
      error={query.error}
      onRetry={() => void query.refetch()}
      height="fill"
      empty={<EmptyState text={t("schedule.empty")} action={ask} />}
    />
  );
}

function Last({ row }: { row: Schedule }) {
  const job = row.newest_ingestion;
  if (!job) return null;
  return (
    <>
      <JobState kind="ingestion" id={job.id} state={job.state} /> <Ago at={job.created_at} />
    </>
  );
}
