import { Button, Group, NumberInput, Stack, Text, Textarea } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { amountText } from "@/lib/amounts";
import { treeQuery, useAskQuota, useSetQuota, type Amount, type QueueUsage } from "../api";
import { reclaimsQuery } from "../api-what-if";
import { decimalsOf, UNITS } from "../logic/units";
import type { Change } from "../logic/what-if";
import { LimitInput } from "./limit-input";
import classes from "./quota-dialog.module.css";
import { Reclaims } from "./what-if/moved";

export type Kind = Pick<Amount, "resource" | "flavor">;

export interface Editing {
  row: QueueUsage;
  kind: Kind;
  amount: Amount | undefined;
}

interface Props {
  editing: Editing;
  pool: string;
  /** Somebody else decides. */
  asks: boolean;
  onClose: () => void;
}

/** Sets a quota, or asks for it; what it would take back is shown first. */
export function QuotaDialog(props: Props) {
  const { t } = useTranslation("quotas");
  return (
    <Dialog onClose={props.onClose} title={t("usage.editTitle", { project: props.editing.row.project_name })} size="lg">
      {props.asks ? <AskForm {...props} /> : <SetForm {...props} />}
    </Dialog>
  );
}

interface NominalProps {
  editing: Editing;
  /** In the unit that people say. */
  value: number | string;
  onChange: (value: number | string) => void;
}

function Nominal({ editing: { kind }, value, onChange }: NominalProps) {
  const { t } = useTranslation("quotas");
  return <NumberInput label={t(`unit.${kind.resource}`)} value={value} onChange={onChange} min={0} decimalScale={decimalsOf(kind.resource)} allowNegative={false} data-autofocus />;
}

function Verbs({ onClose, verb, loading, disabled }: { onClose: () => void; verb: string; loading: boolean; disabled: boolean }) {
  const { t } = useTranslation();
  return (
    <Group justify="flex-end">
      <Button variant="default" onClick={onClose}>
        {t("verb.cancel")}
      </Button>
      <Button type="submit" loading={loading} disabled={disabled}>
        {verb}
      </Button>
    </Group>
  );
}

function AskForm({ editing, onClose }: Props) {
  const { t } = useTranslation("quotas");
  const { row, kind, amount } = editing;
  const unit = UNITS[kind.resource];
  const [wanted, setWanted] = useState<number | string>((amount?.nominal ?? 0) / unit);
  const [comment, setComment] = useState("");
  const ask = useAskQuota();
  const nominal = typeof wanted === "number" ? Math.round(wanted * unit) : null;
  const send = (): void => {
    if (nominal === null) return;
    const onSuccess = (): void => {
      notifications.show({ message: t("usage.asked") });
      onClose();
    };
    ask.mutate({ queue: row.queue, resource: kind.resource, flavor: kind.flavor, nominal, project: row.project, comment }, { onSuccess });
  };
  const held = amount?.reserved ?? 0;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Stack gap="md">
        <Nominal editing={editing} value={wanted} onChange={setWanted} />
        <Text size="sm" className="soft">
          {nominal !== null && nominal < held ? t("usage.below", { held: amountText(kind.resource, held) }) : t("usage.askEffect")}
        </Text>
        <Textarea label={t("usage.why")} value={comment} onChange={(event) => setComment(event.currentTarget.value)} maxLength={2000} autosize minRows={2} />
        {ask.error ? <ErrorDetails error={ask.error} /> : null}
        <Verbs onClose={onClose} verb={t("usage.askVerb")} loading={ask.isPending} disabled={nominal === null} />
      </Stack>
    </form>
  );
}

/** The limits as they are, of a queue that has this quota. */
function SetForm(props: Props) {
  const { row, kind } = props.editing;
  const tree = useQuery(treeQuery(props.pool));
  return (
    <Faces query={tree} loading={<LoadingFace height={200} />}>
      {({ queues }) => {
        const now = queues.find(({ id }) => id === row.queue)?.amounts.find((each) => each.resource === kind.resource && each.flavor === kind.flavor);
        const has = now?.quota !== null && now?.quota !== undefined;
        return <Limits {...props} borrowing={has ? now.borrowing_limit : 0} lending={has ? now.lending_limit : null} />;
      }}
    </Faces>
  );
}

function Limits({ editing, pool, onClose, borrowing, lending }: Props & { borrowing: number | null; lending: number | null }) {
  const { t } = useTranslation("quotas");
  const { row, kind, amount } = editing;
  const { resource, flavor } = kind;
  const unit = UNITS[resource];
  const [wanted, setWanted] = useState<number | string>((amount?.nominal ?? 0) / unit);
  const [borrows, setBorrows] = useState(borrowing);
  const [lends, setLends] = useState(lending);
  const set = useSetQuota(pool);
  const nominal = typeof wanted === "number" ? Math.round(wanted * unit) : null;
  const lendsMore = nominal !== null && (lends ?? 0) > nominal;
  const send = (): void => {
    if (nominal === null || lendsMore) return;
    set.mutate(
      { queue: row.queue, resource, flavor, nominal, borrowing_limit: borrows, lending_limit: lends },
      {
        onSuccess: (answer) => {
          if ("approval" in answer) notifications.show({ message: t("usage.asked") });
          onClose();
        },
      },
    );
  };
  const change: Change | null = nominal === null || lendsMore ? null : { kind: "quota", queue: row.queue, resource, flavor, nominal, borrowing_limit: borrows, lending_limit: lends };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Stack gap="md">
        <div className={classes.three}>
          <Nominal editing={editing} value={wanted} onChange={setWanted} />
          <LimitInput label={t("whatIf.borrowing")} endless={t("whatIf.allIdle")} resource={resource} value={borrows} onChange={setBorrows} />
          <LimitInput label={t("whatIf.lending")} endless={t("whatIf.allOfIt")} resource={resource} value={lends} onChange={setLends} error={lendsMore ? t("whatIf.lendsMore") : undefined} />
        </div>
        <Text size="sm" className="soft">
          {nominal !== null && nominal < (amount?.reserved ?? 0) ? t("usage.belowSet", { held: amountText(resource, amount?.reserved ?? 0) }) : t("usage.effect")}
        </Text>
        <WouldGo pool={pool} change={change} />
        {set.error ? <ErrorDetails error={set.error} /> : null}
        <Verbs onClose={onClose} verb={t("usage.save")} loading={set.isPending} disabled={nominal === null || lendsMore} />
      </Stack>
    </form>
  );
}

const STILL_MS = 400;

/** What would be taken back, read again once the fields stand still. */
function WouldGo({ pool, change }: { pool: string; change: Change | null }) {
  const { t } = useTranslation("quotas");
  const [settled] = useDebouncedValue(change ? JSON.stringify(change) : "", STILL_MS);
  const found = useQuery({ ...reclaimsQuery(pool, settled ? [JSON.parse(settled) as Change] : []), enabled: settled !== "", placeholderData: (before) => before });
  if (!settled) return null;
  return (
    <section className={classes.reclaims} aria-label={t("whatIf.reclaims")} aria-live="polite">
      <h3>{t("whatIf.reclaims")}</h3>
      <Faces query={found} loading={<LoadingFace rows={1} />}>
        {(rows) => <Reclaims rows={rows} />}
      </Faces>
    </section>
  );
}
