import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/copy-button";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { bytes, count } from "@/lib/format";
import { fileAddress, type VersionDetail } from "../api";

interface Row {
  name: string;
  rows: number | null;
  size_bytes: number;
  sha256: string;
}
const keyOf = (row: Row): string => row.name;

/** What a version is made of, to be fetched: its data, and what was fitted. */
export function FilesTable({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const rows = useMemo<Row[]>(
    () => [...version.files, ...(version.preprocessor ? [{ ...version.preprocessor, rows: null }] : [])],
    [version],
  );
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "name", title: t("file.name"), grow: true, width: 240, pinned: true, cell: (row) => <span className="mono">{row.name}</span> },
      { key: "what", title: t("file.what"), width: 220, cell: (row) => (row.rows === null ? t("file.preprocessor") : t("file.data")) },
      { key: "rows", title: t("column.rows"), numeric: true, width: 110, cell: (row) => (row.rows === null ? "" : count(row.rows)) },
      { key: "size", title: t("column.size"), numeric: true, width: 110, cell: (row) => bytes(row.size_bytes) },
      {
        key: "sha",
        title: "SHA-256",
        width: 170,
        cell: (row) => (
          <span className="mono">
            {row.sha256.slice(0, 12)}… <CopyButton text={row.sha256} />
          </span>
        ),
      },
      {
        key: "get",
        title: tCommon("verb.download"),
        untitled: true,
        width: 130,
        cell: (row) => (
          <Button component="a" href={fileAddress(version.id, row.name)} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />}>
            {tCommon("verb.download")}
          </Button>
        ),
      },
    ],
    [t, tCommon, version.id],
  );
  return <DataTable label={t("tab.files")} columns={columns} rows={rows} rowKey={keyOf} height={520} />;
}
