import { Group, SegmentedControl, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { Faces, LoadingFace } from "@/components/faces";
import { count } from "@/lib/format";
import { sampleQuery, type Sample } from "../api";
import { CellText } from "./cell-text";
import { Thumbnails } from "./thumbnails";

type Row = Sample["first"][number];
const keyOf = (row: Row): string => String(row.ordinal);
const NUMERIC = new Set(["int64", "float64"]);
/** px a letter of a header takes, and what stands around it. */
const LETTER = 7.5;

/** Pictures have a place of their own. */
const shownOf = (sample: Sample) => sample.columns.map((column, index) => ({ ...column, index })).filter(({ type }) => type !== "image");

/** Some rows as they are in the version. */
export function SampleTable({ version }: { version: string }) {
  return (
    <Faces query={useQuery(sampleQuery(version))} loading={<LoadingFace rows={12} />}>
      {(sample) => (
        <>
          <Thumbnails version={version} sample={sample} />
          <Rows sample={sample} />
        </>
      )}
    </Faces>
  );
}

function Rows({ sample }: { sample: Sample }) {
  const { t } = useTranslation("datasets");
  const [part, setPart] = useState<"first" | "random">("first");
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "#", title: t("sample.row"), hint: t("sample.rowHint"), numeric: true, width: 72, pinned: true, cell: (row) => <span className="soft">{count(row.ordinal)}</span> },
      ...shownOf(sample).map(({ name, type, index }) => ({
        key: `c${index}`,
        title: name,
        hint: `${name}: ${t(`type.${type}`)}`,
        numeric: NUMERIC.has(type),
        width: Math.round(Math.min(220, Math.max(type === "timestamp" ? 160 : 88, name.length * LETTER + 28))),
        cell: (row: Row) => <CellText value={row.values[index]} type={type} />,
      })),
    ],
    [sample, t],
  );
  if (!sample.is_available) return <Text className="soft">{t("sample.none")}</Text>;
  const rows = sample[part];
  return (
    <>
      <Group mb="sm" gap="md">
        <SegmentedControl
          aria-label={t("sample.which")}
          value={part}
          onChange={(next) => setPart(next)}
          data={[
            { value: "first", label: t("sample.first") },
            { value: "random", label: t("sample.random") },
          ]}
        />
        <Text size="sm" className="soft">
          {t("sample.of", { n: count(rows.length), total: count(sample.row_count) })}
        </Text>
      </Group>
      <DataTable key={part} label={t("tab.sample")} columns={columns} rows={rows} rowKey={keyOf} height="fill" rowHeight={30} />
    </>
  );
}
