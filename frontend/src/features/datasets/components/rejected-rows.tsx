import { Button, Code, Group, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { Reason } from "@/components/reason";
import { bytes, count } from "@/lib/format";
import { messageText } from "@/lib/messages";
import { quarantineAddress, type Ingestion } from "../api";
import classes from "../pages/job-page.module.css";

type Row = NonNullable<Ingestion["rejected"]["samples"]>[number];
const keyOf = (row: Row): string => `${row.file ?? ""}:${row.line}:${row.column ?? ""}:${row.reason}`;

/** Rows that were left out, the first of them with line, column, reason and text. */
export function RejectedRows({ ingestion }: { ingestion: Ingestion }) {
  const { t } = useTranslation("datasets");
  const { t: say } = useTranslation("messages");
  const { count: rejected = 0, samples = [] } = ingestion.rejected;
  const hasFiles = samples.some(({ file }) => file);
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "line", title: t("rejected.line"), numeric: true, width: 80, cell: (row) => (row.line === null ? "" : count(row.line)) },
      ...(hasFiles ? [{ key: "file", title: t("rejected.file"), width: 200, cell: (row: Row) => <span className="cut" title={row.file}>{row.file}</span> }] : []),
      { key: "column", title: t("report.column"), width: 150, cell: (row) => row.column },
      { key: "reason", title: t("rejected.reason"), grow: true, width: 320, cell: (row) => <span title={messageText(say, row.message)}><Reason detail={row.reason} message={row.message} /></span> },
      { key: "text", title: t("rejected.text"), width: 340, cell: (row) => <Code title={row.text}>{row.text}</Code> },
    ],
    [t, say, hasFiles],
  );
  if (!rejected) return null;
  return (
    <section className={classes.part}>
      <h2>{t("rejected.title", { count: rejected, n: count(rejected) })}</h2>
      <Group justify="space-between" mb="sm" gap="sm">
        <Text size="sm" className="soft">
          {t("rejected.lead", { count: samples.length, n: count(samples.length) })}
        </Text>
        {ingestion.quarantine ? (
          <Button component="a" href={quarantineAddress(ingestion.id)} download variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
            {t("rejected.download", { size: bytes(ingestion.quarantine.size_bytes) })}
          </Button>
        ) : null}
      </Group>
      <DataTable label={t("rejected.title", { count: rejected, n: count(rejected) })} columns={columns} rows={samples} rowKey={keyOf} height={420} />
    </section>
  );
}
