import { IconRocket } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import { useCrumbs } from "@/components/breadcrumbs";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { LinkButton } from "@/components/link-button";
import { MoreButton } from "@/components/more-button";
import { PageHeader } from "@/components/page-header";
import { SearchBox } from "@/components/search-box";
import { count, value } from "@/lib/format";
import { useHasRole, useProject } from "@/lib/permissions";
import { endpointsQuery, summaryQuery, type Endpoint, type Revision } from "../api";
import { FollowRevisions } from "../components/follow-revisions";
import { Health } from "../components/health";
import classes from "../components/endpoints.module.css";

const route = getRouteApi("/endpoints");
const keyOf = (endpoint: Endpoint): string => endpoint.id;
const nameOf = (endpoint: Endpoint): string => endpoint.name;
/** Requests per second are a mean of ten seconds: while the list is looked at it is read as often. */
const RENEWED = 10_000;
const CALL = `curl -H "Authorization: Bearer $TOKEN" --json '{"project": "'$PROJECT'", "name": "risk", "model_version": "'$VERSION'", "replicas": 1}' ${window.location.origin}/api/v1/endpoints`;

/** The revision that answers; before there is one, the newest. */
const servingOf = ({ revisions }: Endpoint): Revision | undefined => revisions.find(({ weight }) => weight > 0) ?? revisions[0];

/** Every endpoint that the reader may see. */
export function EndpointsPage() {
  const { t } = useTranslation("endpoints");
  const { search } = route.useSearch();
  const navigate = useNavigate();
  const project = useProject();
  const mayDeploy = useHasRole("editor", project?.id);
  useCrumbs([{ title: t("title") }]);
  const query = useInfiniteQuery({ ...endpointsQuery({ project: project?.id, search }), refetchInterval: RENEWED });
  const rows = useMemo(() => (query.data ? rowsOf(query.data) : undefined), [query.data]);
  const active = useMemo(() => rows?.flatMap(({ revisions }) => revisions) ?? [], [rows]);
  const columns = useColumns(!project);
  const show = (next: string | undefined): void => void navigate({ to: ".", search: (before) => ({ ...before, search: next }), replace: true });
  const verb = mayDeploy ? (
    <LinkButton to="/endpoints/new" leftSection={<IconRocket size={14} aria-hidden />}>
      {t("deploy.open")}
    </LinkButton>
  ) : undefined;
  return (
    <>
      <PageHeader title={t("title")} lead={<Summary project={project?.id} />} actions={verb} />
      <FollowRevisions revisions={active} />
      <div className={classes.tools}>
        <SearchBox label={t("list.search")} value={search ?? ""} onChange={(next) => show(next || undefined)} />
      </div>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        rowName={nameOf}
        onOpen={(endpoint) => void navigate({ to: "/endpoints/$endpointId", params: { endpointId: endpoint.id } })}
        height="fill"
        below={query.hasNextPage ? 64 : 24}
        error={query.error}
        onRetry={() => void query.refetch()}
        filtered={search !== undefined}
        onClearFilters={() => show(undefined)}
        empty={<EmptyState text={t("list.empty")} action={verb} call={CALL} />}
        name="endpoints"
      />
      <MoreButton query={query} />
    </>
  );
}

/** How many there are, and how they are. */
function Summary({ project }: { project: string | undefined }) {
  const { t } = useTranslation("endpoints");
  const { data } = useQuery(summaryQuery(project));
  if (!data) return <span>&nbsp;</span>;
  const states = (["healthy", "degraded", "unhealthy", "loading", "stopped"] as const).filter((status) => data[status] > 0);
  if (!states.length) return <span>{t("lead")}</span>;
  return (
    <>
      {states.map((status) => (
        <span key={status}>
          {count(data[status])} {t(`health.${status}`)}
        </span>
      ))}
    </>
  );
}

function useColumns(withProject: boolean): Column<Endpoint>[] {
  const { t } = useTranslation("endpoints");
  return useMemo(
    () => [
      {
        key: "name",
        title: t("column.name"),
        width: 180,
        pinned: true,
        cell: (row) => (
          <Link to="/endpoints/$endpointId" params={{ endpointId: row.id }}>
            <strong>{row.name}</strong>
          </Link>
        ),
      },
      ...(withProject ? [{ key: "project", title: t("top.project", { ns: "common" }), width: 140, cell: (row: Endpoint) => row.project_name }] : []),
      { key: "health", title: t("column.health"), width: 120, cell: (row) => <Health status={row.health.status} /> },
      {
        key: "replicas",
        title: t("column.replicas"),
        hint: t("column.replicasHint"),
        width: 130,
        numeric: true,
        cell: (row) => `${count(row.health.ready_replicas)} / ${count(row.health.wanted_replicas)}`,
      },
      { key: "rate", title: t("column.requests"), unit: t("unit.perSecond"), width: 120, numeric: true, cell: (row) => value(row.requests_per_second, 3) },
      { key: "revision", title: t("column.revision"), width: 90, numeric: true, cell: (row) => servingOf(row)?.number },
      { key: "model", title: t("column.model"), width: 160, cell: (row) => <Model revision={servingOf(row)} /> },
      { key: "trouble", title: t("column.trouble"), grow: true, width: 200, cell: (row) => <Trouble text={row.health.last_error} /> },
    ],
    [t, withProject],
  );
}

function Model({ revision }: { revision: Revision | undefined }) {
  if (!revision) return null;
  return (
    <Link to="/model-versions/$versionId" params={{ versionId: revision.model_version }}>
      {revision.model_name} v{revision.model_version_number}
    </Link>
  );
}

function Trouble({ text }: { text: string }) {
  if (!text) return null;
  return (
    <span className={classes.trouble} title={text} lang="en" data-said>
      {text}
    </span>
  );
}
