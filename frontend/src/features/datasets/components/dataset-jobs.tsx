import { Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { Reason } from "@/components/reason";
import { jobsQuery, keys, type ListedJob } from "../api";
import { originName } from "../logic/origins";
import { Follow } from "./follow";
import { JobState } from "./job-state";

const keyOf = (row: ListedJob): string => row.job.id;

/** What was asked for to make versions of a dataset and to validate them, those that failed among it. */
export function DatasetJobs({ dataset }: { dataset: string }) {
  const { t } = useTranslation("datasets");
  const query = useQuery(jobsQuery(dataset));
  const rows = query.data;
  const columns = useMemo<Column<ListedJob>[]>(
    () => [
      { key: "state", title: t("column.task"), width: 200, pinned: true, cell: ({ kind, job }) => <JobState kind={kind} id={job.id} state={job.state} /> },
      { key: "of", title: t("column.of"), width: 220, cell: (row) => <Of row={row} /> },
      { key: "made", title: t("column.made"), width: 110, cell: (row) => <Made row={row} /> },
      { key: "why", title: t("column.why"), grow: true, width: 240, cell: ({ job }) => <Reason reason={job.state_reason} detail={job.state_detail} message={job.state_message} /> },
      { key: "by", title: t("column.by"), width: 120, cell: ({ job }) => job.requested_by_name },
      { key: "created", title: t("column.created"), width: 120, cell: ({ job }) => <Ago at={job.created_at} /> },
    ],
    [t],
  );
  return (
    <>
      <Follow subjects={rows?.map(({ kind, job }) => ({ kind, id: job.id, state: job.state })) ?? []} refresh={[keys.dataset(dataset), keys.versionsOf(dataset)]} />
      <DataTable
        label={t("tab.jobs")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        error={query.error}
        onRetry={() => void query.refetch()}
        height="fill"
        empty={<Text className="soft">{t("job.none")}</Text>}
      />
    </>
  );
}

function Of({ row }: { row: ListedJob }) {
  const { t } = useTranslation("datasets");
  if (row.kind === "ingestion") {
    const name = row.job.source_name ?? originName(row.job.origin);
    return <span title={row.job.origin?.url ?? name}>{name}</span>;
  }
  if (row.kind === "validation_run") return <>{t("version.short", { number: row.job.version_number })}</>;
  return <>{t("job.recipeOn", { name: row.job.recipe_name, number: row.job.recipe_number, version: row.job.input_version_number })}</>;
}

function Made({ row }: { row: ListedJob }) {
  const { t } = useTranslation("datasets");
  if (row.kind === "validation_run") return null;
  const [id, number] = row.kind === "ingestion" ? [row.job.version, row.job.version_number] : [row.job.output_version, row.job.output_version_number];
  if (!id) return null;
  return (
    <Link to="/dataset-versions/$versionId" params={{ versionId: id }}>
      {t("version.short", { number })}
    </Link>
  );
}
