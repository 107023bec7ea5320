import { Group, SegmentedControl, Select, Text } from "@mantine/core";
import { IconArrowRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { Faces, LoadingFace } from "@/components/faces";
import { bytes, count } from "@/lib/format";
import { diffQuery, type Diff, type Version } from "../api";
import { figure } from "../logic/show";
import { RowComparison } from "./row-comparison";
import classes from "./compare-tab.module.css";

const route = getRouteApi("/datasets/$datasetId");
type Row = Diff["columns"][number];
const keyOf = (row: Row): string => `${row.change === "removed" ? "-" : ""}${row.name}`;

/** What is different between two versions: size, columns, types, statistics. */
export function CompareTab({ versions }: { versions: readonly Version[] }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const search = route.useSearch();
  const after = search.after ?? versions[0]?.id;
  const parent = versions.find(({ id }) => id === after)?.parent;
  const before = search.before ?? (versions.find(({ id }) => id === parent) ?? versions.find(({ id }) => id !== after))?.id;
  if (!before || !after || versions.length < 2) return <Text className="soft">{t("compare.needsTwo")}</Text>;
  const [older, newer] = [before, after].map((wanted) => versions.find(({ id }) => id === wanted));
  const choose = (next: { before?: string; after?: string }): void => void navigate({ to: ".", search: (old) => ({ ...old, ...next }), replace: true });
  const options = versions.map(({ id, number, source_name: source, recipe_name: recipe }) => {
    const origin = source ?? recipe;
    return { value: id, label: origin ? t("compare.option", { number, origin }) : t("version.short", { number }) };
  });
  return (
    <>
      <Group mb="md" align="flex-end" gap="sm">
        <Select label={t("compare.before")} data={options} value={before} allowDeselect={false} searchable onChange={(id) => id && choose({ before: id, after })} w={300} />
        <IconArrowRight size={16} aria-hidden className={classes.arrow} />
        <Select label={t("compare.after")} data={options} value={after} allowDeselect={false} searchable onChange={(id) => id && choose({ before, after: id })} w={300} />
      </Group>
      {before === after ? <Text className="soft">{t("compare.same")}</Text> : <Difference before={before} after={after} />}
      {older && newer && older !== newer ? <RowComparison key={`${before} ${after}`} before={older} after={newer} /> : null}
    </>
  );
}

function Difference({ before, after }: { before: string; after: string }) {
  return (
    <Faces query={useQuery(diffQuery(before, after))} loading={<LoadingFace height={320} />}>
      {(diff) => <Shown diff={diff} />}
    </Faces>
  );
}

function Shown({ diff }: { diff: Diff }) {
  const { t } = useTranslation("datasets");
  const [all, setAll] = useState(false);
  const changed = useMemo(() => diff.columns.filter(({ change }) => change !== "same"), [diff]);
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "name", title: t("report.column"), width: 200, pinned: true, cell: (row) => <strong title={row.name}>{row.name}</strong> },
      { key: "change", title: t("compare.change"), width: 140, cell: (row) => <span className={classes.change} data-change={row.change}>{t(`change.${row.change}`)}</span> },
      { key: "type", title: t("compare.type"), width: 180, cell: (row) => <Types row={row} /> },
      { key: "statistics", title: t("compare.statistics"), grow: true, width: 420, cell: (row) => <Statistics row={row} /> },
    ],
    [t],
  );
  const hasBoth = diff.before.has_profile && diff.after.has_profile;
  return (
    <>
      <dl className={classes.sizes}>
        <Size term={t("column.rows")} before={count(diff.before.row_count)} after={count(diff.after.row_count)} />
        <Size term={t("column.size")} before={bytes(diff.before.size_bytes)} after={bytes(diff.after.size_bytes)} />
        <Size term={t("compare.changed")} after={t("compare.changedOf", { n: count(changed.length), total: count(diff.columns.length) })} />
        {diff.is_same_content ? <Size term={t("version.digest")} after={t("compare.sameContent")} /> : null}
      </dl>
      <Group mb="sm" gap="md">
        <SegmentedControl
          aria-label={t("compare.show")}
          value={all ? "all" : "changed"}
          onChange={(next) => setAll(next === "all")}
          data={[
            { value: "changed", label: t("compare.onlyChanged") },
            { value: "all", label: t("compare.allColumns") },
          ]}
        />
        {hasBoth ? null : (
          <Group gap={6} fz="sm">
            <span className="soft">{t("compare.noStatistics")}</span>
            {[diff.before, diff.after]
              .filter((version) => !version.has_profile)
              .map((version) => (
                <Link key={version.id} to="/dataset-versions/$versionId" params={{ versionId: version.id }}>
                  {t("version.short", { number: version.number })}
                </Link>
              ))}
          </Group>
        )}
      </Group>
      <DataTable label={t("tab.compare")} columns={columns} rows={all ? diff.columns : changed} rowKey={keyOf} empty={<Text className="soft">{t("compare.noChange")}</Text>} />
    </>
  );
}

function Size({ term, before, after }: { term: string; before?: string; after: string }) {
  return (
    <div>
      <dt>{term}</dt>
      <dd>
        {before !== undefined && before !== after ? (
          <>
            <span className="soft">{before}</span> <IconArrowRight size={12} aria-hidden />{" "}
          </>
        ) : null}
        {after}
      </dd>
    </div>
  );
}

function Types({ row }: { row: Row }) {
  const { t } = useTranslation("datasets");
  const word = (type: Row["type_before"]): string => (type ? t(`type.${type}`) : "");
  if (row.type_before && row.type_after && row.type_before !== row.type_after) {
    return (
      <>
        <span className="soft">{word(row.type_before)}</span> <IconArrowRight size={12} aria-hidden /> {word(row.type_after)}
      </>
    );
  }
  return <>{word(row.type_after ?? row.type_before)}</>;
}

/** `mean 141.7 → 137.2`, one after the other; all of them on hover. */
function Statistics({ row }: { row: Row }) {
  const { t } = useTranslation("datasets");
  const type = row.type_after ?? row.type_before ?? "";
  const said = row.statistics.map(({ name, before, after }) => ({ name: t(`statistic.${name}`), before: figure(before, type, 4), after: figure(after, type, 4) }));
  return (
    <span className={classes.statistics} title={said.map((each) => `${each.name}: ${each.before} → ${each.after}`).join("\n")}>
      {said.map((each) => (
        <span key={each.name}>
          <span className="soft">{each.name}</span> {each.before} → {each.after}
        </span>
      ))}
    </span>
  );
}
