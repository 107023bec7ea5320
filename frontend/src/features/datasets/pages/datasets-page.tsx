import { IconUpload } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { DataTable } from "@/components/data-table/data-table";
import type { Column } from "@/components/data-table/columns";
import { EmptyState } from "@/components/empty-state";
import { MoreButton } from "@/components/more-button";
import { PageHeader } from "@/components/page-header";
import { LinkButton } from "@/components/link-button";
import { bytes, count } from "@/lib/format";
import { useHasRole, useProject } from "@/lib/permissions";
import { datasetsQuery, keys, summaryQuery, type Dataset } from "../api";
import { Follow } from "../components/follow";
import { JobState } from "../components/job-state";
import { SearchBox } from "@/components/search-box";
import classes from "./datasets-page.module.css";

const route = getRouteApi("/datasets");
const REFRESH = [keys.lists];
const keyOf = (dataset: Dataset): string => dataset.id;
const nameOf = (dataset: Dataset): string => dataset.name;
const CALL = `curl -H "Authorization: Bearer $TOKEN" -F dataset=$DATASET -F file=@loans.csv ${window.location.origin}/api/v1/sources
curl -H "Authorization: Bearer $TOKEN" --json '{"dataset": "'$DATASET'", "source": "'$SOURCE'"}' ${window.location.origin}/api/v1/ingestions`;

/** Every dataset that the reader may see. */
export function DatasetsPage() {
  const { t } = useTranslation("datasets");
  const { search, sort } = route.useSearch();
  const navigate = useNavigate();
  const project = useProject();
  const mayUpload = useHasRole("editor", project?.id);
  useCrumbs([{ title: t("title") }]);
  const query = useInfiniteQuery(datasetsQuery({ project: project?.id, search, sort }));
  const rows = useMemo(() => (query.data ? rowsOf(query.data) : undefined), [query.data]);
  const columns = useColumns(!project);
  const active = useMemo(() => rows?.flatMap(({ newest_job: job }) => (job ? [job] : [])) ?? [], [rows]);
  const show = (next: { search?: string | undefined; sort?: string | undefined }): void =>
    void navigate({ to: ".", search: (before) => ({ ...before, ...next }), replace: true });
  const upload = mayUpload ? (
    <LinkButton to="/datasets/new" leftSection={<IconUpload size={14} aria-hidden />}>
      {t("upload.verb")}
    </LinkButton>
  ) : undefined;
  return (
    <>
      <PageHeader
        title={t("title")}
        lead={<Summary project={project?.id} />}
        actions={
          <>
            <LinkButton to="/ingestion-schedules" variant="subtle">
              {t("tab.schedules")}
            </LinkButton>
            {upload}
          </>
        }
      />
      <Follow subjects={active} refresh={REFRESH} />
      <div className={classes.tools}>
        <SearchBox label={t("list.search")} value={search ?? ""} onChange={(next) => show({ search: next || undefined })} />
      </div>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        rowName={nameOf}
        sort={sort}
        onSort={(next) => show({ sort: next })}
        onOpen={(dataset) => void navigate({ to: "/datasets/$datasetId", params: { datasetId: dataset.id } })}
        height="fill"
        below={query.hasNextPage ? 64 : 24}
        error={query.error}
        onRetry={() => void query.refetch()}
        filtered={search !== undefined}
        onClearFilters={() => show({ search: undefined })}
        empty={<EmptyState text={t("list.empty")} action={upload} call={CALL} />}
        name="datasets"
      />
      <MoreButton query={query} />
    </>
  );
}

/** How many there are, how large, what is under way and what failed of late. */
function Summary({ project }: { project: string | undefined }) {
  const { t } = useTranslation("datasets");
  const { data } = useQuery(summaryQuery(project));
  if (!data) return <span>&nbsp;</span>;
  const sum = (name: "queued" | "running" | "failed"): number => data.jobs.reduce((total, job) => total + job[name], 0);
  const busy = sum("queued") + sum("running");
  const failed = sum("failed");
  return (
    <>
      <span>{t("list.versions", { count: data.versions, n: count(data.versions) })}</span>
      <span>{t("rows", { count: data.row_count, n: count(data.row_count) })}</span>
      <span>{bytes(data.size_bytes)}</span>
      {busy ? <span>{t("list.busy", { count: busy, n: count(busy) })}</span> : null}
      {failed ? <span>{t("list.failed", { count: failed, n: count(failed) })}</span> : null}
    </>
  );
}

function useColumns(withProject: boolean): Column<Dataset>[] {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  return useMemo(
    () => [
      { key: "name", title: t("column.name"), sort: "name", grow: true, width: 200, pinned: true, cell: (row) => <Name row={row} /> },
      ...(withProject ? [{ key: "project", title: tCommon("top.project"), width: 120, cell: (row: Dataset) => row.project_name }] : []),
      { key: "latest", title: t("column.latest"), width: 94, cell: (row) => <Latest row={row} /> },
      { key: "rows", title: t("column.rows"), sort: "row_count", numeric: true, width: 92, cell: (row) => count(row.latest_version?.row_count) },
      { key: "columns", title: t("column.columns"), numeric: true, width: 80, cell: (row) => count(row.latest_version?.column_count) },
      { key: "size", title: t("column.size"), sort: "size_bytes", numeric: true, width: 92, cell: (row) => bytes(row.latest_version?.size_bytes) },
      { key: "job", title: t("column.job"), width: 184, cell: (row) => (row.newest_job ? <Newest job={row.newest_job} /> : null) },
      { key: "by", title: t("column.by"), width: 92, cell: (row) => row.created_by_name },
      { key: "created", title: t("column.created"), sort: "created_at", downFirst: true, width: 112, cell: (row) => <Ago at={row.created_at} /> },
    ],
    [t, tCommon, withProject],
  );
}

function Name({ row }: { row: Dataset }) {
  return (
    <Link to="/datasets/$datasetId" params={{ datasetId: row.id }} title={row.title || row.name}>
      <strong>{row.name}</strong>
      {row.title ? <span className="soft"> {row.title}</span> : null}
    </Link>
  );
}

function Newest({ job }: { job: NonNullable<Dataset["newest_job"]> }) {
  return <JobState kind={job.kind} id={job.id} state={job.state} message={job.state_message} />;
}

function Latest({ row }: { row: Dataset }) {
  const { t } = useTranslation("datasets");
  const version = row.latest_version;
  if (!version) return <span className="soft">{t("list.noVersion")}</span>;
  return (
    <Link to="/dataset-versions/$versionId" params={{ versionId: version.id }}>
      {t("version.short", { number: version.number })}
    </Link>
  );
}
