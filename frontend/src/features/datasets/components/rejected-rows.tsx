import { Code, Text } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { count } from "@/lib/format";
import type { Ingestion } from "../api";
import classes from "../pages/job-page.module.css";

type Row = NonNullable<Ingestion["rejected"]["samples"]>[number];
const keyOf = (row: Row): string => `${row.line}:${row.column ?? ""}:${row.reason}`;

/** Rows that were left out, the first of them with line, column, reason and text. */
export function RejectedRows({ ingestion }: { ingestion: Ingestion }) {
  const { t } = useTranslation("datasets");
  const { count: rejected = 0, samples = [] } = ingestion.rejected;
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "line", title: t("rejected.line"), numeric: true, width: 80, cell: (row) => count(row.line) },
      { key: "column", title: t("report.column"), width: 150, cell: (row) => row.column },
      { key: "reason", title: t("rejected.reason"), grow: true, width: 320, cell: (row) => <span lang="en" title={row.reason}>{row.reason}</span> },
      { key: "text", title: t("rejected.text"), width: 340, cell: (row) => <Code title={row.text}>{row.text}</Code> },
    ],
    [t],
  );
  if (!rejected) return null;
  return (
    <section className={classes.part}>
      <h2>{t("rejected.title", { count: rejected, n: count(rejected) })}</h2>
      <Text size="sm" className="soft" mb="sm">
        {t("rejected.lead", { count: samples.length, n: count(samples.length) })}
      </Text>
      <DataTable label={t("rejected.title", { count: rejected, n: count(rejected) })} columns={columns} rows={samples} rowKey={keyOf} height={420} />
    </section>
  );
}
