import { Button, Group, Text } from "@mantine/core";
import { IconArrowsDiff, IconBookmark, IconTag, IconUpload } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { StateBadge } from "@/components/state-badge";
import { LinkButton } from "@/components/link-button";
import { bytes, count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import type { Dataset, Version } from "../api";
import { AliasesDialog } from "./aliases-dialog";
import { VersionTagsDialog } from "./version-tags-dialog";
import { VersionNames } from "./version-names";
import names from "./version-names.module.css";
import { shownState } from "../logic/expectation";
import { splitsOf } from "../logic/show";
import classes from "./job-state.module.css";

interface Props {
  dataset: Dataset;
  query: { data: Version[] | undefined; error: unknown; refetch: () => unknown };
}

const keyOf = (version: Version): string => version.id;
const nameOf = (version: Version): string => String(version.number);

/** The versions of a dataset, newest first; two of them can be compared. */
export function VersionsTable({ dataset, query }: Props) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const mayUpload = useHasRole("editor", dataset.project);
  const [selection, setSelection] = useState<ReadonlySet<string>>(new Set());
  const { t: tVersions } = useTranslation("versions");
  const [naming, setNaming] = useState<"aliases" | "tags" | null>(null);
  const end = (): void => setNaming(null);
  const columns = useColumns();
  const chosen = (query.data ?? []).filter(({ id }) => selection.has(id));
  const [after, before] = chosen;
  const only = chosen.length === 1 ? after : undefined;
  const compare = (): void =>
    void navigate({ to: ".", search: (old) => ({ ...old, tab: "compare", before: before?.id, after: after?.id }) });
  return (
    <>
      <Group mb="sm" gap="md" mih={30} display={query.data?.length === 0 ? "none" : undefined}>
        <Button variant="default" disabled={chosen.length !== 2} onClick={compare} leftSection={<IconArrowsDiff size={14} aria-hidden />}>
          {chosen.length === 2 ? t("version.compareTwo", { before: before?.number, after: after?.number }) : t("version.compare")}
        </Button>
        <Button variant="default" disabled={!only} onClick={() => setNaming("aliases")} leftSection={<IconBookmark size={14} aria-hidden />}>
          {tVersions("aliases.verb")}
        </Button>
        {mayUpload ? (
          <Button variant="default" disabled={!only} onClick={() => setNaming("tags")} leftSection={<IconTag size={14} aria-hidden />}>
            {tVersions("tags.menu")}
          </Button>
        ) : null}
        {chosen.length > 0 && chosen.length < 3 ? null : (
          <Text size="sm" className="soft">
            {tVersions("chooseOne")}
          </Text>
        )}
      </Group>
      {naming === "aliases" && only ? <AliasesDialog version={only} onClose={end} /> : null}
      {naming === "tags" && only ? <VersionTagsDialog version={only} onClose={end} /> : null}
      <DataTable
        label={t("tab.versions")}
        columns={columns}
        rows={query.data}
        rowKey={keyOf}
        rowName={nameOf}
        selection={selection}
        onSelect={setSelection}
        onOpen={(version) => void navigate({ to: "/dataset-versions/$versionId", params: { versionId: version.id } })}
        error={query.error}
        onRetry={() => void query.refetch()}
        height="fill"
        empty={
          <EmptyState
            text={t("version.empty")}
            action={
              mayUpload ? (
                <LinkButton to="/datasets/new" search={{ dataset: dataset.id }} leftSection={<IconUpload size={14} aria-hidden />}>
                  {t("upload.verb")}
                </LinkButton>
              ) : undefined
            }
            call={`curl -H "Authorization: Bearer $TOKEN" -F dataset=${dataset.id} -F file=@data.csv ${window.location.origin}/api/v1/sources`}
          />
        }
      />
    </>
  );
}

function useColumns(): Column<Version>[] {
  const { t } = useTranslation("datasets");
  return useMemo(
    () => [
      {
        key: "number",
        title: t("column.version"),
        width: 190,
        cell: (row) => (
          <span className={names.line}>
            <Link to="/dataset-versions/$versionId" params={{ versionId: row.id }}>
              {t("version.short", { number: row.number })}
            </Link>
            <VersionNames version={row} />
          </span>
        ),
      },
      { key: "state", title: t("column.state"), width: 120, cell: (row) => <StateBadge noun="dataset_version" state={shownState(row)} /> },
      { key: "origin", title: t("column.origin"), grow: true, width: 240, cell: (row) => <Origin row={row} /> },
      { key: "rows", title: t("column.rows"), numeric: true, width: 100, cell: (row) => count(row.row_count) },
      { key: "columns", title: t("column.columns"), numeric: true, width: 80, cell: (row) => count(row.schema.length) },
      { key: "size", title: t("column.size"), numeric: true, width: 100, cell: (row) => bytes(row.size_bytes) },
      { key: "split", title: t("column.split"), width: 170, cell: (row) => <Splits row={row} /> },
      { key: "by", title: t("column.by"), width: 110, cell: (row) => row.created_by_name },
      { key: "created", title: t("column.created"), width: 120, cell: (row) => <Ago at={row.created_at} /> },
    ],
    [t],
  );
}

function Splits({ row }: { row: Version }) {
  const parts = splitsOf(row.splits);
  return parts.length ? <span>{parts.map(([, rows]) => count(rows)).join(" · ")}</span> : null;
}

function Origin({ row }: { row: Version }) {
  const { t } = useTranslation("datasets");
  if (row.parent === null) return <>{row.source_name}</>;
  if (row.source_name !== null) {
    return (
      <span className={classes.job}>
        <span className="cut">{row.source_name}</span>
        <Link to="/dataset-versions/$versionId" params={{ versionId: row.parent }}>
          {t("version.appended", { number: row.parent_number })}
        </Link>
      </span>
    );
  }
  return (
    <span className={classes.job}>
      <span className="cut">{t("version.byRecipe", { name: row.recipe_name, number: row.recipe_number })}</span>
      <Link to="/dataset-versions/$versionId" params={{ versionId: row.parent }}>
        {row.parent_dataset === row.dataset
          ? t("version.fromVersion", { number: row.parent_number })
          : t("version.fromOther", { name: row.parent_dataset_name, number: row.parent_number })}
      </Link>
    </span>
  );
}
