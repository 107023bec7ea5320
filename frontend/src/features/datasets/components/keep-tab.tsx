import { Button, Checkbox, Group, NumberInput, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { bytes, count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useWrite, type Dataset } from "../api";
import { keepRuleQuery, pinVersion, removeKeepRule, setKeepRule, wouldKeepQuery, type KeepRule, type Rule, type WouldKeep } from "../versions-api";

type Row = WouldKeep["versions"][number];
const keyOf = (row: Row): string => row.id;
const FIRST: Rule = { keep_last: 10, keep_days: null, keep_named: true, keep_parents: false, grace_days: 7 };

/** Which versions keep their data: the rule, and what it does to the dataset as it is now. */
export function KeepTab({ dataset }: { dataset: Dataset }) {
  return (
    <Faces query={useQuery(keepRuleQuery(dataset.project, dataset.id))} loading={<LoadingFace height={240} />}>
      {(rule) => <Form key={rule?.changed_at ?? ""} dataset={dataset} known={rule} />}
    </Faces>
  );
}

const numberOf = (value: string | number): number | null => (value === "" ? null : Number(value));

function Form({ dataset, known }: { dataset: Dataset; known: KeepRule | null }) {
  const { t } = useTranslation("versions");
  const mayRule = useHasRole("admin", dataset.project);
  const [rule, setRule] = useState<Rule>(known ?? FIRST);
  const [asks, setAsks] = useState(false);
  const change = (next: Partial<Rule>): void => setRule((old) => ({ ...old, ...next }));
  const { keep_last, keep_days, keep_named, keep_parents, grace_days } = rule;
  const asked = { keep_last, keep_days, keep_named, keep_parents, grace_days };
  const dry = useQuery(wouldKeepQuery(dataset.id, asked));
  const save = useWrite(setKeepRule);
  const remove = useWrite(removeKeepRule);
  const isEmpty = !keep_last && !keep_days;
  const freed = dry.data && !isEmpty ? t("keep.freed", { count: dry.data.freed_versions, n: count(dry.data.freed_versions), size: bytes(dry.data.freed_bytes) }) : "";
  return (
    <>
      <Text mb="md">{known === null ? t("keep.all") : known.dataset === null ? t("keep.ofProject", { project: dataset.project_name }) : t("keep.own")}</Text>
      <Group align="flex-end" gap="md" mb="sm">
        <NumberInput label={t("keep.last")} min={1} max={10000} value={keep_last ?? ""} onChange={(value) => change({ keep_last: numberOf(value) })} w={150} disabled={!mayRule} />
        <NumberInput label={t("keep.days")} min={1} max={36500} value={keep_days ?? ""} onChange={(value) => change({ keep_days: numberOf(value) })} w={180} disabled={!mayRule} />
        <NumberInput label={t("keep.grace")} min={1} max={36500} value={grace_days} onChange={(value) => change({ grace_days: numberOf(value) ?? 1 })} w={150} disabled={!mayRule} />
      </Group>
      <Group gap="lg" mb="md">
        <Checkbox label={t("keep.named")} checked={keep_named} onChange={(event) => change({ keep_named: event.currentTarget.checked })} disabled={!mayRule} />
        <Checkbox label={t("keep.parents")} checked={keep_parents} onChange={(event) => change({ keep_parents: event.currentTarget.checked })} disabled={!mayRule} />
      </Group>
      <Group gap="md" mb="md">
        <Button disabled={!mayRule || isEmpty} title={mayRule ? undefined : t("keep.mayNot")} onClick={() => setAsks(true)}>
          {t("keep.save")}
        </Button>
        {known?.dataset ? (
          <Button variant="default" disabled={!mayRule} loading={remove.isPending} onClick={() => remove.mutate(known.id)}>
            {t("keep.remove")}
          </Button>
        ) : null}
        <Text role="status">{isEmpty ? t("keep.needs") : freed}</Text>
      </Group>
      {remove.error ? <ErrorDetails error={remove.error} /> : null}
      <ConfirmDialog
        opened={asks}
        onClose={() => setAsks(false)}
        title={t("keep.confirm", { name: dataset.name })}
        verb={t("keep.save")}
        onConfirm={() => save.mutateAsync({ ...asked, project: dataset.project, dataset: dataset.id })}
      >
        {t("keep.effect", { freed, days: count(grace_days) })}
      </ConfirmDialog>
      {isEmpty ? null : (
        <Faces query={dry} loading={<LoadingFace rows={6} />}>
          {(found) => <Versions dataset={dataset} found={found} />}
        </Faces>
      )}
    </>
  );
}

function Versions({ dataset, found }: { dataset: Dataset; found: WouldKeep }) {
  const { t } = useTranslation("versions");
  const mayPin = useHasRole("editor", dataset.project);
  const pin = useWrite(pinVersion);
  const { mutate } = pin;
  const columns = useMemo<Column<Row>[]>(
    () => [
      { key: "number", title: t("keep.version"), numeric: true, width: 90, pinned: true, cell: (row) => count(row.number) },
      { key: "size", title: t("keep.size"), numeric: true, width: 110, cell: (row) => bytes(row.size_bytes) },
      { key: "made", title: t("keep.made"), width: 140, cell: (row) => <Ago at={row.created_at} /> },
      {
        key: "why",
        title: t("keep.why"),
        grow: true,
        width: 280,
        cell: (row) => (row.reasons.length ? row.reasons.map((reason) => t(`keep.reason.${reason}`)).join(", ") : <strong>{row.data_tombstoned_at ? t("keep.going") : t("keep.goes")}</strong>),
      },
      {
        key: "pin",
        title: t("keep.pin"),
        untitled: true,
        width: 130,
        cell: (row) => {
          const isPinned = row.reasons.includes("pinned");
          return (
            <Button size="compact-xs" variant="default" disabled={!mayPin} onClick={() => mutate({ id: row.id, is_pinned: !isPinned })}>
              {isPinned ? t("keep.unpin") : t("keep.pin")}
            </Button>
          );
        },
      },
    ],
    [t, mayPin, mutate],
  );
  return (
    <>
      {pin.error ? <ErrorDetails error={pin.error} /> : null}
      <DataTable label={t("keep.title")} columns={columns} rows={found.versions} rowKey={keyOf} empty={<Text className="soft">{t("keep.none")}</Text>} />
    </>
  );
}
