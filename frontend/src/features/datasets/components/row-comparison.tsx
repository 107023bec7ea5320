import { Button, Group, MultiSelect, Tabs, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { isOver } from "@/lib/states";
import { useWrite, type Version } from "../api";
import { comparisonQuery, createComparison, type Compared, type Comparison } from "../versions-api";
import { CellText } from "./cell-text";
import { DriftView } from "./drift-view";
import { Follow } from "./follow";
import classes from "./row-comparison.module.css";

type Whole = Compared["examples"]["added"][number];
type Changed = Compared["examples"]["changed"][number];
const PARTS = ["added", "removed", "changed", "same"] as const;
const VIEWS = ["changed", "added", "removed", "drift"] as const;
const NUMERIC: ReadonlySet<string> = new Set(["int64", "float64"]);
const ordinalOf = (row: Whole): string => String(row.ordinal);
const changedOf = (row: Changed): string => String(row.ordinal_after);

/** What became of the rows of one version in another: asked for once per key, taken by a job. */
export function RowComparison({ before, after }: { before: Version; after: Version }) {
  const query = useQuery(comparisonQuery(before.id, after.id));
  return (
    <Faces query={query} loading={<LoadingFace height={160} />}>
      {(newest) => <Asked key={newest?.id ?? ""} before={before} after={after} newest={newest} />}
    </Faces>
  );
}

function Asked({ before, after, newest }: { before: Version; after: Version; newest: Comparison | null }) {
  const { t } = useTranslation("versions");
  const mayAsk = useHasRole("editor", after.project);
  const shared = useMemo(() => {
    const old = new Set(before.schema.map(({ name }) => name));
    return after.schema.map(({ name }) => name).filter((name) => old.has(name));
  }, [before, after]);
  const [key, setKey] = useState<string[]>(newest?.key ?? []);
  const ask = useWrite(createComparison);
  const isUnderWay = newest !== null && !isOver(newest.state);
  return (
    <section aria-label={t("compare.rows")} className={classes.section}>
      <Group align="flex-end" gap="md" mb="sm">
        <MultiSelect label={t("compare.key")} description={t("compare.keyHint")} data={shared} value={key} onChange={setKey} searchable clearable maxValues={20} w={420} disabled={!mayAsk} />
        <Button
          loading={ask.isPending}
          disabled={!mayAsk || isUnderWay}
          title={mayAsk ? undefined : t("compare.mayNot")}
          onClick={() => ask.mutate({ before: before.id, after: after.id, key })}
        >
          {t("compare.verb")}
        </Button>
        {newest ? <StateBadge noun="job" state={newest.state} /> : null}
      </Group>
      {ask.error ? <ErrorDetails error={ask.error} /> : null}
      {newest === null ? <Text className="soft">{t("compare.none")}</Text> : null}
      {newest ? <Follow subjects={[{ kind: "version_comparison", id: newest.id, state: newest.state }]} refresh={[comparisonQuery(before.id, after.id).queryKey]} /> : null}
      {newest && !newest.result && isOver(newest.state) ? (
        <Text size="sm">
          <Reason reason={newest.state_reason} detail={newest.state_detail} message={newest.state_message} />
        </Text>
      ) : null}
      {newest?.result ? <Found result={newest.result} before={before} after={after} /> : null}
    </section>
  );
}

function Found({ result, before, after }: { result: Compared; before: Version; after: Version }) {
  const { t } = useTranslation("versions");
  const { rows, examples, columns } = result;
  const [view, setView] = useState<(typeof VIEWS)[number]>(() => (rows.changed ? "changed" : rows.added ? "added" : rows.removed ? "removed" : "drift"));
  const all = rows.added + rows.removed + (rows.changed ?? 0) + rows.same;
  const said = PARTS.map((part) => ({ part, n: rows[part] ?? 0 }));
  return (
    <>
      <div className={classes.bar} aria-hidden>
        {said.map(({ part, n }) => (n ? <span key={part} data-part={part} style={{ flexGrow: n / all }} /> : null))}
      </div>
      <ul className={classes.legend}>
        {said.map(({ part, n }) => (
          <li key={part} data-part={part}>
            <i aria-hidden />
            {t(`compare.part.${part}`)} {part === "changed" && rows.changed === null ? t("compare.noKey") : count(n)}
          </li>
        ))}
      </ul>
      {columns.length ? (
        <p className={classes.columns}>
          <span className="soft">{t("compare.cells")}</span> {columns.map(({ name, changed }) => `${name} ${count(changed)}`).join(" · ")}
        </p>
      ) : null}
      <Tabs value={view} onChange={(next) => setView(VIEWS.find((name) => name === next) ?? "changed")} keepMounted={false}>
        <Tabs.List mb="sm">
          {VIEWS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {t(`compare.view.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="changed">
          <ChangedRows rows={examples.changed} keys={result.key} hasKey={rows.changed !== null} schema={after.schema} />
        </Tabs.Panel>
        <Tabs.Panel value="added">
          <WholeRows rows={examples.added} schema={after.schema} label={t("compare.view.added")} />
        </Tabs.Panel>
        <Tabs.Panel value="removed">
          <WholeRows rows={examples.removed} schema={before.schema} label={t("compare.view.removed")} />
        </Tabs.Panel>
        <Tabs.Panel value="drift">
          <DriftView drift={result.drift} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

interface ChangedProps {
  rows: readonly Changed[];
  keys: readonly string[];
  hasKey: boolean;
  schema: Version["schema"];
}

function ChangedRows({ rows, keys, hasKey, schema }: ChangedProps) {
  const { t } = useTranslation("versions");
  const types = useMemo(() => new Map(schema.map(({ name, type }) => [name, type as string])), [schema]);
  const columns = useMemo<Column<Changed>[]>(
    () => [
      ...keys.map((name) => ({ key: `k${name}`, title: name, width: 140, numeric: NUMERIC.has(types.get(name) ?? ""), cell: (row: Changed) => <CellText value={row.key[name]} type={types.get(name)} /> })),
      {
        key: "cells",
        title: t("compare.changedCells"),
        grow: true,
        width: 480,
        cell: (row) => (
          <span className={classes.cells} title={row.cells.map((each) => `${each.column}: ${each.before ?? "–"} → ${each.after ?? "–"}`).join("\n")}>
            {row.cells.map((each) => (
              <span key={each.column}>
                <span className="soft">{each.column}</span>{" "}
                <del>
                  <CellText value={each.before} type={types.get(each.column)} />
                </del>{" "}
                →{" "}
                <ins>
                  <CellText value={each.after} type={types.get(each.column)} />
                </ins>
              </span>
            ))}
          </span>
        ),
      },
    ],
    [keys, t, types],
  );
  return <DataTable label={t("compare.view.changed")} columns={columns} rows={rows} rowKey={changedOf} empty={<Text className="soft">{hasKey ? t("compare.noRows") : t("compare.needsKey")}</Text>} />;
}

function WholeRows({ rows, schema, label }: { rows: readonly Whole[]; schema: Version["schema"]; label: string }) {
  const { t } = useTranslation("versions");
  const columns = useMemo<Column<Whole>[]>(
    () => [
      { key: "#", title: t("compare.row"), numeric: true, width: 80, pinned: true, cell: (row) => <span className="soft">{count(row.ordinal)}</span> },
      ...schema
        .filter(({ name }) => name in (rows[0]?.values ?? {}))
        .map(({ name, type }) => ({ key: `c${name}`, title: name, width: 140, numeric: NUMERIC.has(type), cell: (row: Whole) => <CellText value={row.values[name]} type={type} /> })),
    ],
    [rows, schema, t],
  );
  return <DataTable label={label} columns={columns} rows={rows} rowKey={ordinalOf} empty={<Text className="soft">{t("compare.noRows")}</Text>} />;
}
