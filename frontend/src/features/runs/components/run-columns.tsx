import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import type { Column } from "@/components/data-table/columns";
import { RowLink } from "@/components/row-link";
import type { ColumnGroup } from "@/components/data-table/column-picker";
import { count } from "@/lib/format";
import type { RunColumns, RunRow } from "../api-list";
import { isValue, RUN_COLUMNS, type RunColumnKey } from "../list-search";
import { shortField } from "../where";
import { NotesCell } from "./notes-cell";
import { CurveCell, DurationCell, GoalCell, KindCell, NameCell, StateCell, ValueCell } from "./run-cells";

const NAME_WIDTH = 240;

type Look = Omit<Column<RunRow>, "key" | "title">;

const when = (name: "created_at" | "started_at" | "ended_at"): Look => ({
  sort: name,
  downFirst: true,
  width: 98,
  cell: (run) => <Ago at={run[name]} />,
});

const LOOKS: Readonly<Record<Exclude<RunColumnKey, "duration">, Look>> = {
  state: { sort: "state", width: 160, cell: (run) => <StateCell run={run} /> },
  goal: { sort: "goal", numeric: true, width: 138, cell: (run) => <GoalCell goal={run.goal} /> },
  curve: { width: 108, cell: (run) => <CurveCell run={run} /> },
  dataset: {
    sort: "dataset",
    width: 104,
    cell: ({ dataset_version: id, dataset_name: name, dataset_version_number: number }) =>
      id === null ? null : (
        <RowLink href={`/dataset-versions/${id}`} target={() => ({ to: "/dataset-versions/$versionId", params: { versionId: id } })}>
          {name}
          {number === null ? "" : ` v${number}`}
        </RowLink>
      ),
  },
  experiment: { sort: "experiment", width: 140, cell: (run) => run.experiment_name },
  project: { width: 140, cell: (run) => run.project_name },
  requested_by: { sort: "requested_by", width: 80, cell: (run) => run.requested_by_name },
  created_at: when("created_at"),
  started_at: when("started_at"),
  ended_at: when("ended_at"),
  kind: { sort: "kind", width: 110, cell: (run) => <KindCell kind={run.kind} /> },
  notes: { sort: "notes", width: 180, cell: (run) => <NotesCell run={run} /> },
  image: { sort: "image", width: 160, cell: (run) => (run.image ? <span title={run.image}>{run.image}</span> : null) },
  seed: { sort: "seed", numeric: true, width: 80, cell: (run) => run.seed },
};

const durationLook = (longest: number): Look => ({
  sort: "duration_seconds",
  numeric: true,
  width: 118,
  cell: (run) => <DurationCell run={run} longest={longest} />,
});

const valueLook = (name: string, isNumber: boolean): Look => ({
  sort: name,
  numeric: isNumber,
  width: 110,
  hint: name,
  cell: (run) => <ValueCell held={run.columns[name]} />,
});

const isRunColumn = (key: string): key is RunColumnKey => (RUN_COLUMNS as readonly string[]).includes(key);

interface Layout {
  /** px, where readers have said so. */
  widths: ReadonlyMap<string, number>;
  /** How many after the name stay at the left. */
  pinned: number;
}

/** The columns that are asked for, as the table draws them. `longest`: seconds of a full duration bar. */
export function useRunColumns(chosen: readonly string[], known: RunColumns | undefined, longest: number, { widths, pinned }: Layout): Column<RunRow>[] {
  const { t } = useTranslation("runs");
  return useMemo(() => {
    const numbers = new Set(known?.parameters.filter(({ type }) => type === "number").map(({ name }) => name));
    const name: Column<RunRow> = {
      key: "name",
      title: t("column.name"),
      sort: "name",
      pinned: true,
      grow: true,
      width: 180,
      cell: (run) => <NameCell run={run} />,
    };
    const others = chosen.flatMap((key): Column<RunRow>[] => {
      if (isValue(key)) return [{ key, title: shortField(key), ...valueLook(key, key.startsWith("metrics.") || numbers.has(key)) }];
      if (!isRunColumn(key)) return [];
      return [{ key, title: t(`column.${key}`), ...(key === "duration" ? durationLook(longest) : LOOKS[key]) }];
    });
    return [name, ...others].map((column, place) => {
      const width = widths.get(column.key);
      const isPinned = place <= pinned;
      // Where others stay beside it, the name has a width of its own.
      const grow = column.grow && width === undefined && pinned === 0;
      return { ...column, pinned: isPinned, grow, movable: place > 0, ...(width === undefined ? (column.grow && !grow ? { width: NAME_WIDTH } : {}) : { width }) };
    });
  }, [chosen, known, longest, widths, pinned, t]);
}

/** What may be chosen: of the run, its metrics (last and best), its parameters and labels; the most used first. */
export function useColumnGroups(known: RunColumns | undefined): ColumnGroup[] {
  const { t } = useTranslation("runs");
  return useMemo(() => {
    const runs = (n: number): string => t("list.ofRuns", { count: n, n: count(n) });
    return [
      { title: t("list.groupRun"), options: RUN_COLUMNS.map((key) => ({ key, title: t(`column.${key}`) })) },
      {
        title: t("list.groupMetrics"),
        options: (known?.metrics ?? []).flatMap(({ name, mode, runs: n }) => [
          { key: name, title: shortField(name), hint: runs(n) },
          { key: `${name}:${mode}`, title: shortField(`${name}:${mode}`), hint: t("list.best") },
        ]),
      },
      {
        title: t("list.groupParameters"),
        options: (known?.parameters ?? []).map(({ name, runs: n }) => ({ key: name, title: shortField(name), hint: runs(n) })),
      },
      {
        title: t("list.groupLabels"),
        options: (known?.labels ?? []).map(({ name, runs: n }) => ({ key: name, title: shortField(name), hint: runs(n) })),
      },
    ];
  }, [known, t]);
}

const SCALE = [60, 300, 900, 3_600, 4 * 3_600, 12 * 3_600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400];

/** A round time that no duration here is longer than, so that bars seldom change their scale. */
export function scaleOf(rows: Iterable<RunRow>): number {
  let longest = 0;
  for (const { duration_seconds: seconds } of rows) longest = Math.max(longest, seconds ?? 0);
  return SCALE.find((step) => step >= longest) ?? longest;
}
