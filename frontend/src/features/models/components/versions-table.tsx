import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import { Ago } from "@/components/ago";
import { NONE } from "@/lib/format";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { MoreButton } from "@/components/more-button";
import { StateBadge } from "@/components/state-badge";
import { versionsQuery, type Alias, type Model, type Version } from "../api";
import { figure, metricKeys } from "../measures";
import { AliasChips } from "./alias-chips";

const keyOf = (version: Version): string => version.id;
const nameOf = (version: Version): string => String(version.number);
const NO_VERSIONS: readonly Version[] = [];

/** The versions of a model, newest first, their metrics side by side. */
export function VersionsTable({ model, verb }: { model: Model; verb: ReactNode }) {
  const { t } = useTranslation("models");
  const navigate = useNavigate();
  const query = useInfiniteQuery(versionsQuery(model.id));
  const rows = useMemo(() => (query.data ? rowsOf(query.data) : undefined), [query.data]);
  const columns = useColumns(rows ?? NO_VERSIONS, model.aliases);
  return (
    <>
      <DataTable
        label={t("tab.versions")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        rowName={nameOf}
        onOpen={(version) => void navigate({ to: "/model-versions/$versionId", params: { versionId: version.id } })}
        height="fill"
        below={query.hasNextPage ? 64 : 24}
        error={query.error}
        onRetry={() => void query.refetch()}
        coming={Math.min(8, Math.max(1, model.versions_made))}
        empty={<EmptyState text={t("version.empty")} action={verb} call={callOf(model.id)} />}
        name={`model ${model.id}`}
      />
      <MoreButton query={query} />
    </>
  );
}

const callOf = (model: string): string =>
  `curl -H "Authorization: Bearer $TOKEN" --json '{"model": "${model}", "run": "'$RUN'"}' ${window.location.origin}/api/v1/model-versions`;

function useColumns(versions: readonly Version[], aliases: readonly Alias[]): Column<Version>[] {
  const { t } = useTranslation("models");
  const metrics = useMemo(() => metricKeys(versions), [versions]);
  return useMemo(
    () => [
      {
        key: "number",
        title: t("column.version"),
        width: 84,
        pinned: true,
        cell: (row) => (
          <Link to="/model-versions/$versionId" params={{ versionId: row.id }}>
            <strong>{t("version.short", { number: row.number })}</strong>
          </Link>
        ),
      },
      { key: "state", title: t("column.state"), width: 112, cell: (row) => <StateBadge noun="model_version" state={row.state} /> },
      { key: "aliases", title: t("column.aliases"), width: 170, cell: (row) => <AliasChips aliases={aliases.filter(({ version }) => version === row.id)} /> },
      ...metrics.map((key): Column<Version> => ({ key: `metric ${key}`, title: key, numeric: true, width: Math.max(96, key.length * 8 + 24), cell: (row) => figure(row.metrics[key]) })),
      {
        key: "run",
        title: t("column.run"),
        grow: true,
        width: 180,
        cell: (row) =>
          row.run && row.run_name ? (
            <Link to="/runs/$runId" params={{ runId: row.run }}>
              {row.run_name}
            </Link>
          ) : (
            <span className="soft">{t("hidden", { ns: "common" })}</span>
          ),
      },
      {
        key: "data",
        title: t("column.data"),
        width: 130,
        cell: (row) =>
          row.dataset_version && row.dataset_name ? (
            <Link to="/dataset-versions/$versionId" params={{ versionId: row.dataset_version }}>
              {row.dataset_name} v{row.dataset_version_number}
            </Link>
          ) : (
            <span className="soft">{row.dataset_version ? t("hidden", { ns: "common" }) : NONE}</span>
          ),
      },
      { key: "by", title: t("column.by"), width: 100, cell: (row) => row.registered_by_name },
      { key: "when", title: t("column.when"), width: 112, cell: (row) => <Ago at={row.created_at} /> },
    ],
    [t, metrics, aliases],
  );
}
