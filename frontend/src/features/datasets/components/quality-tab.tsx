import { ActionIcon, Button, Group, Menu, Switch, Text } from "@mantine/core";
import { IconBulb, IconDots, IconEdit, IconEye, IconEyeOff, IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useWrite, type Dataset, type Version } from "../api";
import { changeExpectation, expectationsQuery, qualityQuery, type Expectation, type Result } from "../quality";
import { ExpectationDialog } from "./expectation-dialog";
import { OutcomeWord, SeverityWord, useSaid, type Said } from "./expectation-said";
import { ProposalsDialog } from "./proposals-dialog";
import classes from "./quality.module.css";

const keyOf = (row: Expectation): string => row.id;
const NONE: readonly Expectation[] = [];
const nameOf = (row: Expectation): string => row.label;
/** What is open: a new one, the proposals, the one that is edited, or the one that is put out of use. */
type Open = { what: "new" } | { what: "propose" } | { what: "edit" | "off"; expectation: Expectation } | null;

/** What versions of a dataset have to fulfil, and what became of it in the latest. */
export function QualityTab({ dataset, versions }: { dataset: Dataset; versions: readonly Version[] | undefined }) {
  const { t } = useTranslation("quality");
  const mayWrite = useHasRole("editor", dataset.project);
  const query = useQuery(expectationsQuery(dataset.id));
  const [open, setOpen] = useState<Open>(null);
  const [all, setAll] = useState(false);
  const latest = versions?.find(({ state }) => state !== "rejected" && state !== "deprecated");
  // What is published is better to learn from than what is kept back.
  const model = versions?.find(({ state }) => state === "published") ?? latest;
  const quality = useQuery({ ...qualityQuery(latest?.id ?? ""), enabled: latest !== undefined }).data;
  const toggle = useWrite(changeExpectation);
  const inactive = query.data?.filter(({ is_active: active }) => !active).length ?? 0;
  const rows = useMemo(() => query.data?.filter(({ is_active: active }) => active || all), [query.data, all]);
  const said = useSaid(dataset.project, query.data ?? NONE);
  const columns = useColumns(said, latest, quality && (quality.newest?.results ?? []), mayWrite ? { onOpen: setOpen, onBack: (id) => toggle.mutate({ id, is_active: true }) } : null);
  const buttons = (
    <Group gap="sm">
      <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setOpen({ what: "new" })}>
        {t("add")}
      </Button>
      {model ? (
        <Button variant="default" leftSection={<IconBulb size={14} aria-hidden />} onClick={() => setOpen({ what: "propose" })}>
          {t("propose")}
        </Button>
      ) : null}
    </Group>
  );
  const hasRows = Boolean(query.data?.length);
  return (
    <>
      {hasRows ? (
        <div className={classes.bar}>
          <Text size="sm" className="soft">
            {t("lead")}
          </Text>
          {inactive ? <Switch size="xs" label={t("showInactive", { n: count(inactive) })} checked={all} onChange={(event) => setAll(event.currentTarget.checked)} /> : null}
          {mayWrite ? buttons : null}
        </div>
      ) : null}
      <DataTable
        label={t("tab")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        rowName={nameOf}
        error={query.error}
        onRetry={() => void query.refetch()}
        height="fill"
        empty={
          <EmptyState
            text={t("empty")}
            action={mayWrite ? buttons : undefined}
            call={`curl -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" -d '{"dataset": "${dataset.id}", "kind": "not_null", "parameters": {"column": "…"}}' ${window.location.origin}/api/v1/expectations`}
          />
        }
      />
      {open?.what === "new" ? <ExpectationDialog dataset={dataset} columns={latest?.schema ?? []} onClose={() => setOpen(null)} /> : null}
      {open?.what === "edit" ? <ExpectationDialog dataset={dataset} columns={latest?.schema ?? []} expectation={open.expectation} onClose={() => setOpen(null)} /> : null}
      {open?.what === "propose" && model ? <ProposalsDialog dataset={dataset} version={model} onClose={() => setOpen(null)} /> : null}
      {open?.what === "off" ? <PutOff expectation={open.expectation} onClose={() => setOpen(null)} /> : null}
    </>
  );
}

interface Verbs {
  onOpen: (open: Open) => void;
  onBack: (id: string) => void;
}

function useColumns(said: Said, latest: Version | undefined, results: readonly Result[] | undefined, verbs: Verbs | null): Column<Expectation>[] {
  const { t } = useTranslation("quality");
  return [
    { key: "kind", title: t("column.kind"), width: 170, pinned: true, cell: (row) => <span className={row.is_active ? undefined : classes.off}>{said.kind(row.kind)}</span> },
    {
      key: "says",
      title: t("column.says"),
      grow: true,
      width: 320,
      cell: (row) => (
        <span className={`${classes.says} ${row.is_active ? "" : classes.off}`} title={[said.says(row.kind, row.parameters), row.description].filter(Boolean).join("\n")}>
          {said.says(row.kind, row.parameters)}
        </span>
      ),
    },
    { key: "severity", title: t("column.severity"), width: 90, cell: (row) => (row.is_active ? <SeverityWord severity={row.severity ?? "block"} /> : <span className={classes.off}>{t("inactive")}</span>) },
    {
      key: "outcome",
      title: t("column.outcome"),
      width: 180,
      cell: (row) => {
        if (!latest || !results || !row.is_active) return null;
        const found = results.find((one) => one.expectation === row.id && one.revision === row.revision);
        if (!found) return <span className="soft">{t("notYet")}</span>;
        return (
          <Link to="/dataset-versions/$versionId" params={{ versionId: latest.id }} search={{ tab: "quality" }}>
            <OutcomeWord result={{ outcome: found.outcome, severity: row.severity ?? "block" }} />
          </Link>
        );
      },
    },
    { key: "by", title: t("column.by"), width: 110, cell: (row) => row.created_by_name },
    { key: "changed", title: t("column.changed"), width: 120, cell: (row) => <Ago at={row.changed_at} /> },
    ...(verbs
      ? [
          {
            key: "verbs",
            title: t("verb.more", { label: "" }),
            untitled: true,
            width: 48,
            cell: (row: Expectation) => <RowMenu row={row} verbs={verbs} />,
          },
        ]
      : []),
  ];
}

function RowMenu({ row, verbs }: { row: Expectation; verbs: Verbs }) {
  const { t } = useTranslation("quality");
  const { label } = row;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" aria-label={t("verb.more", { label })}>
          <IconDots size={16} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<IconEdit size={14} aria-hidden />} onClick={() => verbs.onOpen({ what: "edit", expectation: row })}>
          {t("verb.edit", { label })}
        </Menu.Item>
        {row.is_active ? (
          <Menu.Item leftSection={<IconEyeOff size={14} aria-hidden />} onClick={() => verbs.onOpen({ what: "off", expectation: row })}>
            {t("verb.off", { label })}
          </Menu.Item>
        ) : (
          <Menu.Item leftSection={<IconEye size={14} aria-hidden />} onClick={() => verbs.onBack(row.id)}>
            {t("verb.on", { label })}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function PutOff({ expectation, onClose }: { expectation: Expectation; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const write = useWrite(changeExpectation);
  return (
    <ConfirmDialog opened onClose={onClose} title={t("off.title", { label: expectation.label })} verb={t("off.verb")} onConfirm={() => write.mutateAsync({ id: expectation.id, is_active: false })}>
      {t("off.effect")}
    </ConfirmDialog>
  );
}
