import { Button, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { bytes } from "@/lib/format";
import { sourceAddress, sourcesQuery, type Source } from "../api";

const keyOf = (source: Source): string => source.id;

function Name({ source }: { source: Source }) {
  const { t } = useTranslation("datasets");
  return (
    <span title={source.origin?.url ?? source.name}>
      {source.name}
      {source.origin?.url ? <span className="soft"> {t("file.fetched", { url: source.origin.url })}</span> : null}
    </span>
  );
}

/** Files as they came. */
export function SourcesTable({ dataset, hasVersions }: { dataset: string; hasVersions: boolean }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const query = useQuery(sourcesQuery(dataset));
  const columns = useMemo<Column<Source>[]>(
    () => [
      { key: "name", title: t("file.name"), grow: true, width: 240, pinned: true, cell: (row) => <Name source={row} /> },
      { key: "format", title: t("file.format"), width: 100, cell: (row) => row.file_format.toUpperCase() },
      { key: "size", title: t("column.size"), numeric: true, width: 110, cell: (row) => bytes(row.size_bytes) },
      { key: "sha", title: "SHA-256", width: 150, cell: (row) => <span className="mono" title={row.sha256}>{row.sha256.slice(0, 12)}…</span> },
      { key: "by", title: t("column.by"), width: 120, cell: (row) => row.uploaded_by_name },
      { key: "created", title: t("column.created"), width: 120, cell: (row) => <Ago at={row.created_at} /> },
      {
        key: "get",
        title: tCommon("verb.download"),
        untitled: true,
        width: 130,
        cell: (row) => (
          <Button component="a" href={sourceAddress(row.id)} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />}>
            {tCommon("verb.download")}
          </Button>
        ),
      },
    ],
    [t, tCommon],
  );
  return (
    <DataTable
      label={t("tab.sources")}
      columns={columns}
      rows={query.data}
      rowKey={keyOf}
      error={query.error}
      onRetry={() => void query.refetch()}
      height="fill"
      empty={<Text className="soft">{t(hasVersions ? "file.none" : "file.notYet")}</Text>}
    />
  );
}
