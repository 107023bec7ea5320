import { Text } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { useCrumbs } from "@/components/breadcrumbs";
import { ColumnPicker } from "@/components/data-table/column-picker";
import { DataTable } from "@/components/data-table/data-table";
import { useRangeRows } from "@/components/data-table/use-range-rows";
import { EmptyState } from "@/components/empty-state";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { count } from "@/lib/format";
import { useHasRole, useProject } from "@/lib/permissions";
import { loadRuns, PAGE_SIZE, runColumnsQuery, runTableKey, type RunRow } from "../api-list";
import { ExportTable } from "../components/export-menu";
import { scaleOf, useColumnGroups, useRunColumns } from "../components/run-columns";
import { RunFilters } from "../components/run-filters";
import { RunsLive } from "../components/runs-live";
import { SavedViews } from "../components/saved-views";
import { SelectionBar } from "../components/selection-bar";
import { askedOf, fileColumns, isFiltered, UNFILTERED, useRunsAddress, USUAL_COLUMNS, USUAL_SORT } from "../list-search";
import { movedTo, widthsOf, widthTexts } from "../views";

const keyOf = (run: RunRow): string => run.id;
const nameOf = (run: RunRow): string => run.name;

/** Every run that the reader may see: any parameter and metric as a column, a filter and an order. */
export function RunsPage() {
  const { t } = useTranslation("runs");
  useCrumbs([{ title: t("title") }]);
  const project = useProject();
  const address = useRunsAddress();
  const { search, change } = address;
  const known = useQuery(runColumnsQuery({ project: project?.id, experiment: search.experiment })).data;
  const asked = useMemo(() => askedOf(search, project?.id), [search, project?.id]);
  const source = useRangeRows({ queryKey: runTableKey(asked), load: loadRuns(asked), rowKey: keyOf, pageSize: PAGE_SIZE });
  const chosen = search.columns ?? USUAL_COLUMNS;
  const pinned = Math.min(chosen.length, Number(search.pinned ?? 0) || 0);
  const widths = useMemo(() => widthsOf(search.widths), [search.widths]);
  const columns = useRunColumns(chosen, known, scaleOf(source.loaded.values()), { widths, pinned });
  const onWidth = useCallback(
    (key: string, width: number) => change({ widths: widthTexts(new Map([...widths, [key, width]])) }),
    [change, widths],
  );
  const onMove = useCallback((key: string, to: string) => change({ columns: movedTo(chosen, key, to) }), [change, chosen]);
  const groups = useColumnGroups(known);
  const { selection, picked, select } = useSelection(source.loaded);
  const navigate = useNavigate();
  return (
    <>
      <PageHeader title={t("title")} actions={<NewRun />} lead={<Total total={source.total} filtered={isFiltered(search)} />} />
      <RunsPageLive loaded={source.loaded} projectId={project?.id} />
      <RunFilters
        address={address}
        projectId={project?.id}
        known={known}
        tools={
          <>
            <SavedViews address={address} project={project} />
            <ColumnPicker
              groups={groups}
              chosen={chosen}
              onChange={(next) => change({ columns: next })}
              pinned={pinned}
              onPinned={(next) => change({ pinned: next ? String(next) : undefined })}
              onReset={() => change({ columns: undefined, widths: undefined, pinned: undefined })}
            />
            <ExportTable asked={{ ...asked, columns: fileColumns(chosen) }} total={source.total} />
          </>
        }
      />
      <DataTable
        label={t("title")}
        name="runs"
        columns={columns}
        source={source}
        rowKey={keyOf}
        rowName={nameOf}
        sort={search.sort ?? USUAL_SORT}
        onWidth={onWidth}
        onMove={onMove}
        onSort={(sort) => change({ sort: sort === USUAL_SORT ? undefined : sort })}
        selection={selection}
        onSelect={select}
        onOpen={(run) => void navigate({ to: "/runs/$runId", params: { runId: run.id } })}
        height="fill"
        coming={18}
        error={source.error}
        onRetry={source.refetch}
        filtered={isFiltered(search)}
        onClearFilters={() => change(UNFILTERED, false)}
        empty={<NoRuns />}
      />
      <SelectionBar runs={picked} deleted={search.deleted === "1"} onClear={() => select(new Set())} />
    </>
  );
}

/** The chosen rows: also those that were scrolled away, as they were last seen. */
function useSelection(loaded: ReadonlyMap<string, RunRow>) {
  const [kept, setKept] = useState<ReadonlyMap<string, RunRow>>(new Map());
  const selection = useMemo(() => new Set(kept.keys()), [kept]);
  const picked = useMemo(() => [...kept].map(([id, run]) => loaded.get(id) ?? run), [kept, loaded]);
  const select = (keys: Set<string>): void =>
    setKept(
      new Map(
        [...keys].flatMap((key) => {
          const run = loaded.get(key) ?? kept.get(key);
          return run ? [[key, run] as const] : [];
        }),
      ),
    );
  return { selection, picked, select };
}

function RunsPageLive({ loaded, projectId }: { loaded: ReadonlyMap<string, RunRow>; projectId: string | undefined }) {
  const me = useMe();
  const projects = projectId ? [projectId] : me.projects.map(({ id }) => id);
  const running = [...loaded.values()].filter(({ state }) => state === "running").map(({ id }) => id);
  return <RunsLive projects={projects} running={running} />;
}

function Total({ total, filtered }: { total: number | undefined; filtered: boolean }) {
  const { t } = useTranslation("runs");
  return <span role="status">{total === undefined ? "\u00a0" : t(filtered ? "list.matching" : "list.total", { count: total, n: count(total) })}</span>;
}

function NewRun() {
  const { t } = useTranslation("runs");
  const project = useProject();
  const may = useHasRole("editor", project?.id);
  if (!may) return null;
  return (
    <LinkButton to="/runs/new" leftSection={<IconPlus size={14} aria-hidden />}>
      {t("list.new")}
    </LinkButton>
  );
}

const CALL = `curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" ${window.location.origin}/api/v1/runs \\
  -d '{"experiment": "…", "dataset_version": "…", "name": "risk-1", "kind": "tabular_classifier", "parameters": {"learning_rate": 0.01}}'`;

function NoRuns() {
  const { t } = useTranslation("runs");
  const project = useProject();
  const may = useHasRole("editor", project?.id);
  return <EmptyState text={may ? t("list.empty") : t("list.emptyViewer")} action={may ? <NewRun /> : <Text className="soft">{t("list.mayNotEdit")}</Text>} call={CALL} />;
}
