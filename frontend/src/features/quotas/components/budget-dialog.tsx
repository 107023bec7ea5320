import { ActionIcon, Button, Group, NumberInput, Select, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { teamsQuery, useSaveBudget } from "../api-budgets";
import { ACTIONS, draftOfBudget, freshBudget, PERIODS, problemsOf, THRESHOLDS_MOST, type Budget, type BudgetDraft, type Threshold } from "../logic/budget";
import classes from "./budgets.module.css";

interface Props {
  /** Null: a new one. */
  budget: Budget | null;
  /** For whom a new one begins. */
  project: string | undefined;
  onClose: () => void;
  onSaved: (id: string) => void;
}

/** Sets a budget or changes it. Whose it is stays. */
export function BudgetDialog({ budget, project, onClose, onSaved }: Props) {
  const { t } = useTranslation(["quotas", "common"]);
  const [draft, setDraft] = useState(() => (budget ? draftOfBudget(budget) : freshBudget(project ? `project:${project}` : null)));
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const save = useSaveBudget(budget?.id ?? null);
  const set = (part: Partial<BudgetDraft>): void => {
    setDraft((before) => ({ ...before, ...part }));
    key.current = crypto.randomUUID();
  };
  const problems = problemsOf(draft);
  const wrong = (name: (typeof problems)[number]): string | undefined => (tried && problems.includes(name) ? t(`budgets.wrong.${name}`) : undefined);
  const send = (): void => {
    setTried(true);
    if (problems.length) return;
    save.mutate(
      { draft, key: key.current },
      {
        onSuccess: ({ id }) => {
          onSaved(id);
          onClose();
        },
      },
    );
  };
  return (
    <Dialog onClose={onClose} title={budget ? t("budgets.changeTitle", { name: budget.name }) : t("budgets.newTitle")} size="lg">
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          send();
        }}
      >
        <Stack gap="md">
          {budget ? null : <OwnerField value={draft.owner} onChange={(owner) => set({ owner })} error={wrong("owner")} />}
          <div className={classes.pair}>
            <TextInput label={t("budgets.name")} value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })} maxLength={60} error={wrong("name")} required />
            <Select label={t("budgets.periodIs")} data={PERIODS.map((value) => ({ value, label: t(`budgets.period.${value}`) }))} value={draft.period} onChange={(value) => set({ period: PERIODS.find((each) => each === value) ?? "month" })} allowDeselect={false} />
            <NumberInput label={t("budgets.amount")} value={draft.amount} onChange={(amount) => set({ amount })} min={0} decimalScale={4} allowNegative={false} thousandSeparator="," error={wrong("amount")} required />
            <Select
              label={t("budgets.unitIs")}
              data={[
                { value: "gpu_hours", label: t("budgets.unit") },
                { value: "money", label: t("budgets.money") },
              ]}
              value={draft.unit}
              onChange={(value) => set({ unit: value === "money" ? "money" : "gpu_hours" })}
              allowDeselect={false}
            />
            <TextInput type="date" label={t("budgets.starts")} value={draft.starts_on} onChange={(event) => set({ starts_on: event.currentTarget.value })} required={draft.period === "fixed"} error={wrong("dates")} />
            <TextInput type="date" label={t("budgets.ends")} value={draft.ends_on} onChange={(event) => set({ ends_on: event.currentTarget.value })} required={draft.period === "fixed"} error={wrong("dates") ?? wrong("order")} />
          </div>
          <Thresholds rows={draft.thresholds} onChange={(thresholds) => set({ thresholds })} error={wrong("thresholds")} />
          <Text size="sm" className="soft">
            {t(budget ? "budgets.changeEffect" : "budgets.newEffect")}
          </Text>
          {save.error ? <ErrorDetails error={save.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={save.isPending}>
              {t(budget ? "budgets.save" : "budgets.set")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

function OwnerField({ value, onChange, error }: { value: string | null; onChange: (owner: string) => void; error: string | undefined }) {
  const { t } = useTranslation("quotas");
  const me = useMe();
  const teams = useQuery(teamsQuery).data ?? [];
  const data = [
    { group: t("budgets.scope.project"), items: me.projects.map(({ id, name }) => ({ value: `project:${id}`, label: name })) },
    { group: t("budgets.scope.team"), items: teams.map(({ id, name }) => ({ value: `team:${id}`, label: name })) },
    { group: t("budgets.scope.organisation"), items: [{ value: `organisation:${me.organisation.id}`, label: me.organisation.name }] },
  ].filter(({ items }) => items.length);
  return <Select label={t("budgets.owner")} description={t("budgets.ownerSaid")} placeholder={t("whatIf.choose")} data={data} value={value} onChange={(next) => next && onChange(next)} searchable allowDeselect={false} error={error} required />;
}

function Thresholds({ rows, onChange, error }: { rows: Threshold[]; onChange: (rows: Threshold[]) => void; error: string | undefined }) {
  const { t } = useTranslation("quotas");
  const put = (index: number, part: Partial<Threshold>): void => onChange(rows.map((row, at) => (at === index ? { ...row, ...part } : row)));
  return (
    <fieldset className={classes.thresholds}>
      <legend>{t("budgets.thresholds")}</legend>
      {rows.map((row, index) => (
        <div key={index} className={classes.threshold}>
          <NumberInput aria-label={t("budgets.share", { number: index + 1 })} value={row.percent} onChange={(percent) => put(index, { percent })} min={0} max={1000} decimalScale={2} suffix=" %" allowNegative={false} />
          <Select aria-label={t("budgets.does", { number: index + 1 })} data={ACTIONS.map((action) => ({ value: action, label: t(`budgets.do.${action}`) }))} value={row.action} onChange={(value) => put(index, { action: ACTIONS.find((each) => each === value) ?? "warn" })} allowDeselect={false} />
          <ActionIcon variant="subtle" color="gray" aria-label={t("budgets.dropThreshold", { number: index + 1 })} onClick={() => onChange(rows.filter((_, at) => at !== index))}>
            <IconTrash size={16} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      {error ? (
        <Text size="sm" role="alert" className={classes.wrong}>
          {error}
        </Text>
      ) : null}
      <Button variant="subtle" size="compact-sm" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange([...rows, { percent: 90, action: "require_approval" }])} disabled={rows.length >= THRESHOLDS_MOST}>
        {t("budgets.addThreshold")}
      </Button>
    </fieldset>
  );
}
