import { Button } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconPackage } from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { MoreButton } from "@/components/more-button";
import { PageHeader } from "@/components/page-header";
import { SearchBox } from "@/components/search-box";
import { StateBadge } from "@/components/state-badge";
import { useHasRole, useProject } from "@/lib/permissions";
import { useFallbackInterval } from "@/live/use-live";
import { modelsQuery, type Model } from "../api";
import { AliasChips } from "../components/alias-chips";
import { RegisterDialog, RegisterRunDialog } from "../components/register-dialog";
import { figure, mainMetric } from "../measures";
import classes from "../components/models.module.css";

const route = getRouteApi("/models");
const keyOf = (model: Model): string => model.id;
const nameOf = (model: Model): string => model.name;
const CALL = `curl -H "Authorization: Bearer $TOKEN" --json '{"project": "'$PROJECT'", "name": "risk"}' ${window.location.origin}/api/v1/models
curl -H "Authorization: Bearer $TOKEN" --json '{"model": "'$MODEL'", "run": "'$RUN'"}' ${window.location.origin}/api/v1/model-versions`;

/** Every registered model that the reader may see. */
export function ModelsPage() {
  const { t } = useTranslation("models");
  const { search, register: ofRun } = route.useSearch();
  const navigate = useNavigate();
  const project = useProject();
  const mayRegister = useHasRole("editor", project?.id);
  const [opened, register] = useDisclosure(false);
  useCrumbs([{ title: t("title") }]);
  const query = useInfiniteQuery({ ...modelsQuery({ project: project?.id, search }), refetchInterval: useFallbackInterval() });
  const rows = useMemo(() => (query.data ? rowsOf(query.data) : undefined), [query.data]);
  const columns = useColumns(!project);
  const show = (next: string | undefined): void => void navigate({ to: ".", search: (before) => ({ ...before, search: next }), replace: true });
  const verb = mayRegister ? (
    <Button leftSection={<IconPackage size={14} aria-hidden />} onClick={register.open}>
      {t("register.open")}
    </Button>
  ) : undefined;
  return (
    <>
      <PageHeader title={t("title")} lead={t("lead")} actions={verb} />
      <div className={classes.tools}>
        <SearchBox label={t("list.search")} value={search ?? ""} onChange={(next) => show(next || undefined)} />
      </div>
      <DataTable
        label={t("title")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        rowName={nameOf}
        onOpen={(model) => void navigate({ to: "/models/$modelId", params: { modelId: model.id } })}
        height="fill"
        below={query.hasNextPage ? 64 : 24}
        error={query.error}
        onRetry={() => void query.refetch()}
        filtered={search !== undefined}
        onClearFilters={() => show(undefined)}
        empty={<EmptyState text={t("list.empty")} action={verb} call={CALL} />}
        name="models"
      />
      <MoreButton query={query} />
      {ofRun ? <RegisterRunDialog id={ofRun} onClose={() => void navigate({ to: ".", search: (before) => ({ ...before, register: undefined }), replace: true })} /> : null}
      {opened ? <RegisterDialog onClose={register.close} /> : null}
    </>
  );
}

function useColumns(withProject: boolean): Column<Model>[] {
  const { t } = useTranslation("models");
  return useMemo(
    () => [
      {
        key: "name",
        title: t("column.name"),
        grow: true,
        width: 180,
        pinned: true,
        cell: (row) => (
          <Link to="/models/$modelId" params={{ modelId: row.id }}>
            <strong>{row.name}</strong>
          </Link>
        ),
      },
      ...(withProject ? [{ key: "project", title: t("top.project", { ns: "common" }), width: 120, cell: (row: Model) => row.project_name }] : []),
      { key: "latest", title: t("column.latest"), width: 80, cell: (row) => <Latest row={row} /> },
      { key: "state", title: t("column.state"), width: 112, cell: (row) => (row.latest_version ? <StateBadge noun="model_version" state={row.latest_version.state} /> : null) },
      { key: "aliases", title: t("column.aliases"), width: 170, cell: (row) => <AliasChips aliases={row.aliases} numbered /> },
      { key: "metric", title: t("column.metric"), width: 156, numeric: true, cell: (row) => <Metric row={row} /> },
      { key: "by", title: t("column.by"), width: 100, cell: (row) => row.latest_version?.registered_by_name },
      { key: "when", title: t("column.when"), width: 104, cell: (row) => <Ago at={row.latest_version?.created_at ?? row.created_at} /> },
    ],
    [t, withProject],
  );
}

function Latest({ row }: { row: Model }) {
  const { t } = useTranslation("models");
  const latest = row.latest_version;
  if (!latest) return <span className="soft">{t("list.noVersion")}</span>;
  return (
    <Link to="/model-versions/$versionId" params={{ versionId: latest.id }}>
      {t("version.short", { number: latest.number })}
    </Link>
  );
}

function Metric({ row }: { row: Model }) {
  const main = mainMetric(row.latest_version?.metrics ?? {});
  if (!main) return null;
  return (
    <span title={main.key}>
      <span className="soft">{main.key}</span> {figure(main.value)}
    </span>
  );
}
