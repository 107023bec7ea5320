import { SegmentedControl, Switch, Title } from "@mantine/core";
import { IconTrophy } from "@tabler/icons-react";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { count } from "@/lib/format";
import type { Compared, CompareRun } from "../api-compare";
import { factRows, metricRows, parameterRows, type ComparedRow, type MetricPart, type Modes } from "../compare";
import { inputFacts, packageFacts, useAboutFacts, useEnvironmentFacts, useSourceFacts } from "./compare/facts";
import { ValueCell } from "./run-cells";
import classes from "./compare.module.css";

interface Props {
  compared: readonly Compared[];
  colors: ReadonlyMap<string, string>;
  modes: Modes;
  /** Also what is the same in all of them. */
  all: boolean;
  onAll: (all: boolean) => void;
}

const keyOf = (row: ComparedRow): string => row.key;
/** A longer table scrolls in itself. */
const ROWS_MOST = 40;

/** Parameters, metrics, environment, source and data, a column for each run; what differs stands out. */
export function CompareTable({ compared, colors, modes, all, onAll }: Props) {
  const { t } = useTranslation("runs");
  const [part, setPart] = useState<MetricPart>("last");
  const runs = useMemo(() => compared.map(({ run }) => run), [compared]);
  const about = useAboutFacts(compared);
  const source = useSourceFacts(compared);
  const environment = useEnvironmentFacts(compared);
  const sections = useMemo(
    () => ({
      parameters: parameterRows(runs),
      metrics: metricRows(runs, part, modes),
      about: factRows(about),
      data: factRows(compared.map(inputFacts)),
      source: factRows(source),
      environment: factRows(environment),
      packages: factRows(compared.map(packageFacts)).sort((a, b) => (a.key < b.key ? -1 : 1)),
      labels: factRows(runs.map(({ labels }) => labels)),
    }),
    [compared, runs, part, modes, about, source, environment],
  );
  const same = Object.values(sections).flat().filter(({ differs }) => !differs).length;
  const shown = (rows: ComparedRow[]): ComparedRow[] => (all ? rows : rows.filter(({ differs }) => differs));
  return (
    <>
      <div className={classes.bar}>
        <Switch label={t("compare.onlyDifferences")} checked={!all} onChange={(event) => onAll(!event.currentTarget.checked)} />
        {all || !same ? null : <span className="soft">{t("compare.hidden", { count: same, n: count(same) })}</span>}
      </div>
      <Section title={t("list.groupParameters")} rows={shown(sections.parameters)} {...{ runs, colors }} />
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
        <Rows title={t("list.groupMetrics")} rows={shown(sections.metrics)} {...{ runs, colors }} numeric />
      </section>
      <Section title={t("list.groupRun")} rows={shown(sections.about)} {...{ runs, colors }} />
      {(["data", "source", "environment", "packages", "labels"] as const).map((each) =>
        // What nobody has said needs no heading.
        sections[each].length ? <Section key={each} title={t(`facts.${each}Compared`)} rows={shown(sections[each])} {...{ runs, colors }} /> : null,
      )}
    </>
  );
}

interface RowsProps {
  title: string;
  rows: readonly ComparedRow[];
  runs: readonly CompareRun[];
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
  const height = rows.length > ROWS_MOST ? 640 : undefined;
  return <DataTable label={title} columns={columns} rows={rows} rowKey={keyOf} height={height} empty={<span className="soft">{t("compare.nothing")}</span>} />;
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
