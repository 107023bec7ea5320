import { SegmentedControl, Switch, Title } from "@mantine/core";
import { IconTrophy } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { count, duration } from "@/lib/format";
import type { Run } from "../api";
import { metricRows, parameterRows, type ComparedRow, type MetricPart, type Modes } from "../compare";
import { ValueCell } from "./run-cells";
import classes from "./compare.module.css";

interface Props {
  runs: readonly Run[];
  colors: ReadonlyMap<string, string>;
  modes: Modes;
  /** Also what is the same in all of them. */
  all: boolean;
  onAll: (all: boolean) => void;
}

const keyOf = (row: ComparedRow): string => row.key;

/** Parameters and metrics, a column for each run; what differs stands out. */
export function CompareTable({ runs, colors, modes, all, onAll }: Props) {
  const { t } = useTranslation("runs");
  const [part, setPart] = useState<MetricPart>("last");
  const parameters = useMemo(() => parameterRows(runs), [runs]);
  const metrics = useMemo(() => metricRows(runs, part, modes), [runs, part, modes]);
  const about = useMemo(() => aboutRows(runs, t("column.dataset"), t("column.experiment"), t("column.duration")), [runs, t]);
  const same = [...parameters, ...metrics, ...about].filter(({ differs }) => !differs).length;
  const shown = (rows: ComparedRow[]): ComparedRow[] => (all ? rows : rows.filter(({ differs }) => differs));
  return (
    <>
      <div className={classes.bar}>
        <Switch label={t("compare.onlyDifferences")} checked={!all} onChange={(event) => onAll(!event.currentTarget.checked)} />
        {all || !same ? null : <span className="soft">{t("compare.hidden", { count: same, n: count(same) })}</span>}
      </div>
      <Section title={t("list.groupParameters")} rows={shown(parameters)} {...{ runs, colors }} />
      <section className={classes.section}>
        <div className={classes.bar}>
          <Title order={2}>{t("list.groupMetrics")}</Title>
          <SegmentedControl
            aria-label={t("compare.which")}
            value={part}
            onChange={(value) => setPart(value)}
            data={(["last", "best"] as const).map((value) => ({ value, label: t(`compare.${value}`) }))}
          />
        </div>
        <Rows title={t("list.groupMetrics")} rows={shown(metrics)} {...{ runs, colors }} numeric />
      </section>
      <Section title={t("list.groupRun")} rows={shown(about)} {...{ runs, colors }} />
    </>
  );
}

function aboutRows(runs: readonly Run[], dataset: string, experiment: string, took: string): ComparedRow[] {
  const row = (key: string, values: unknown[]): ComparedRow => ({ key, values, differs: new Set(values).size > 1, best: new Set() });
  const seconds = ({ started_at: from, ended_at: to }: Run): string | undefined =>
    from && to ? duration((Date.parse(to) - Date.parse(from)) / 1000) : undefined;
  return [
    row(experiment, runs.map((run) => run.experiment_name)),
    row(dataset, runs.map((run) => `${run.dataset_name}${run.dataset_version_number === null ? "" : ` v${run.dataset_version_number}`}`)),
    row(took, runs.map(seconds)),
  ];
}

interface RowsProps {
  title: string;
  rows: readonly ComparedRow[];
  runs: readonly Run[];
  colors: ReadonlyMap<string, string>;
  numeric?: boolean;
}

function Section(props: RowsProps) {
  return (
    <section className={classes.section}>
      <Title order={2}>{props.title}</Title>
      <Rows {...props} />
    </section>
  );
}

function Rows({ title, rows, runs, colors, numeric = false }: RowsProps) {
  const { t } = useTranslation("runs");
  const columns = useMemo<Column<ComparedRow>[]>(
    () => [
      { key: "key", title: t("column.name"), pinned: true, width: 200, cell: (row) => <span title={row.key}>{row.key}</span> },
      ...runs.map((run, place) => ({
        key: run.id,
        title: run.name,
        hint: `${run.experiment_name} / ${run.name}`,
        mark: <span className={classes.swatch} style={{ background: colors.get(run.id) }} />,
        numeric,
        width: 130,
        grow: runs.length < 7,
        cell: (row: ComparedRow) => <Held row={row} place={place} />,
      })),
    ],
    [runs, colors, numeric, t],
  );
  return <DataTable label={title} columns={columns} rows={rows} rowKey={keyOf} empty={<span className="soft">{t("compare.nothing")}</span>} />;
}

function Held({ row, place }: { row: ComparedRow; place: number }) {
  const { t } = useTranslation("runs");
  const value = row.values[place];
  if (row.best.has(place)) {
    return (
      <span className={classes.best}>
        <IconTrophy size={13} role="img" aria-label={t("compare.bestHere")} />
        <ValueCell held={value} />
      </span>
    );
  }
  return (
    <span className={row.differs ? classes.differs : classes.same}>
      {value === undefined || value === null ? <span className="soft">–</span> : <ValueCell held={value} />}
    </span>
  );
}
