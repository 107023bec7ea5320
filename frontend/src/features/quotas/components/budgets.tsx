import { Button, Group } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { TimeSeries } from "@/components/time-series";
import { curveOf } from "@/lib/curves";
import { day, NONE, percent, value } from "@/lib/format";
import { useProject } from "@/lib/permissions";
import { budgetsQuery, burnDownQuery, type Budget, type BurnDown } from "../api";
import { useRemoveBudget } from "../api-budgets";
import { BudgetDialog } from "./budget-dialog";
import classes from "./budgets.module.css";
import { Rates } from "./rates";

const CALL = `curl -X POST $BEDPLATE_URL/api/v1/budgets -H "Authorization: Bearer $BEDPLATE_TOKEN" -H "Content-Type: application/json" \\
  -d '{"project": "<id>", "name": "vision", "unit": "gpu_hours", "amount": "100", "period": "month"}'`;

/** What projects, teams and the organisation may spend, how much of it is spent, and by when it will be. */
export function Budgets({ pool }: { pool: string }) {
  return (
    <>
      <BudgetList />
      <Rates pool={pool} />
    </>
  );
}

function BudgetList() {
  const { t } = useTranslation("quotas");
  const project = useProject();
  const budgets = useQuery(budgetsQuery(project?.id));
  const search = useSearch({ from: "/quotas" });
  const navigate = useNavigate();
  const me = useMe();
  const [editing, setEditing] = useState<Budget | "new" | null>(null);
  const choose = (budget: string): void => void navigate({ to: "/quotas", search: { ...search, budget } });
  const create = me.is_superuser ? (
    <Button variant="default" leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEditing("new")}>
      {t("budgets.new")}
    </Button>
  ) : null;
  return (
    <>
      {editing ? <BudgetDialog budget={editing === "new" ? null : editing} project={project?.id} onClose={() => setEditing(null)} onSaved={choose} /> : null}
      <Faces query={budgets} loading={<LoadingFace rows={4} />}>
        {(rows) => {
          const open = rows.find(({ id }) => id === search.budget) ?? rows[0];
          return open ? (
            <>
              <Group justify="space-between" wrap="nowrap" align="start" mb={12}>
                <p className={`${classes.lead} soft`}>{t("budgets.lead")}</p>
                {create}
              </Group>
              <ul className={classes.list}>
                {rows.map((budget) => (
                  <li key={budget.id}>
                    <button type="button" className={classes.budget} aria-pressed={budget.id === open.id} onClick={() => choose(budget.id)}>
                      <Summary budget={budget} />
                    </button>
                  </li>
                ))}
              </ul>
              <BurnDownChart budget={open} actions={me.is_superuser ? <Verbs budget={open} onEdit={() => setEditing(open)} /> : null} />
            </>
          ) : (
            <EmptyState text={t("budgets.empty")} action={create} call={CALL} />
          );
        }}
      </Faces>
    </>
  );
}

/** An amount of a budget with its unit: `12.5 GPU-hours`, `1,200 EUR`. */
function useAmount() {
  const { t } = useTranslation("quotas");
  return (budget: Pick<Budget, "unit" | "currency">, amount: number): string =>
    budget.unit === "money" ? `${value(amount, 5)} ${budget.currency ?? ""}`.trim() : t("budgets.gpuHours", { n: value(amount, 5) });
}

function Summary({ budget }: { budget: Budget }) {
  const { t } = useTranslation("quotas");
  const text = useAmount();
  const total = Number(budget.amount);
  const spent = Number(budget.standing?.spent ?? 0);
  const reserved = Number(budget.standing?.reserved ?? 0);
  const share = (amount: number): number => (total > 0 ? Math.min(amount / total, 1) * 100 : amount > 0 ? 100 : 0);
  const action = budget.standing?.action ?? null;
  return (
    <>
      <span className={classes.name}>{budget.name}</span>
      <span className="soft">{[budget.project_name ?? budget.team_name ?? budget.organisation_name, t(`budgets.period.${budget.period}`)].join(" · ")}</span>
      <span className={classes.track} aria-hidden>
        <span className={classes.spent} style={{ width: `${share(spent)}%` }} />
        <span className={classes.reserved} style={{ width: `${Math.max(share(spent + reserved) - share(spent), 0)}%` }} />
        {budget.thresholds.map(({ ratio }) => (
          <i key={ratio} style={{ left: `${Math.min(Number(ratio), 1) * 100}%` }} />
        ))}
      </span>
      <span>
        {budget.standing
          ? t("budgets.spentOf", { spent: text(budget, spent), amount: text(budget, total), share: percent(total > 0 ? spent / total : null) })
          : t("budgets.notNow", { amount: text(budget, total) })}
      </span>
      {reserved > 0 ? <span className="soft">{t("budgets.reserved", { amount: text(budget, reserved) })}</span> : null}
      {action ? <strong className={classes.action} data-action={action}>{t(`budgets.action.${action}`)}</strong> : null}
    </>
  );
}

/** What an administrator of the installation does to a budget. */
function Verbs({ budget, onEdit }: { budget: Budget; onEdit: () => void }) {
  const { t } = useTranslation("quotas");
  const [removing, setRemoving] = useState(false);
  const remove = useRemoveBudget();
  return (
    <Group gap="xs">
      <Button variant="default" leftSection={<IconPencil size={16} aria-hidden />} onClick={onEdit}>
        {t("budgets.change")}
      </Button>
      <Button variant="default" leftSection={<IconTrash size={16} aria-hidden />} onClick={() => setRemoving(true)}>
        {t("budgets.remove")}
      </Button>
      <ConfirmDialog opened={removing} onClose={() => setRemoving(false)} title={t("budgets.removeTitle", { name: budget.name })} verb={t("budgets.removeVerb")} onConfirm={() => remove.mutateAsync(budget.id)}>
        {t("budgets.removeEffect")}
      </ConfirmDialog>
    </Group>
  );
}

function BurnDownChart({ budget, actions }: { budget: Budget; actions: ReactNode }) {
  const { t } = useTranslation("quotas");
  const burn = useQuery(burnDownQuery(budget.id));
  return (
    <section aria-label={t("budgets.burnDownOf", { name: budget.name })}>
      <Group justify="space-between" mb={8}>
        <Said budget={budget} />
        {actions}
      </Group>
      <Faces query={burn} loading={<LoadingFace height={240} />}>
        {(data) => <Chart budget={budget} burn={data} />}
      </Faces>
    </section>
  );
}

/** What is done at which share of it. */
function Said({ budget }: { budget: Budget }) {
  const { t } = useTranslation("quotas");
  return (
    <ul className={classes.said}>
      {budget.thresholds.map(({ ratio, action }) => (
        <li key={ratio}>{t("budgets.at", { share: percent(Number(ratio)), what: t(`budgets.do.${action}`) })}</li>
      ))}
    </ul>
  );
}

function Chart({ budget, burn }: { budget: Budget; burn: BurnDown }) {
  const { t } = useTranslation("quotas");
  const text = useAmount();
  const curves = useMemo(() => curvesOf(burn, t), [burn, t]);
  const unit = budget.unit === "money" ? (budget.currency ?? "") : t("budgets.unit");
  return (
    <>
      <TimeSeries title={`${t("budgets.burnDownOf", { name: budget.name })} (${unit})`} curves={curves} x="time" zero legend format={figure} height={240} group="budget" />
      <p>
        {t("budgets.pace", { amount: text(budget, Number(burn.daily)) })}{" "}
        {burn.exhausted_on ? t("budgets.exhausted", { on: day(burn.exhausted_on) }) : t("budgets.lasts")}
      </p>
    </>
  );
}

/** The unit stands in the title; a day that has not begun has no figure. */
const figure = (y: number): string => (Number.isFinite(y) ? value(y) : NONE);

function curvesOf(burn: BurnDown, t: (key: "budgets.curve.amount" | "budgets.curve.spent" | "budgets.curve.reserved" | "budgets.curve.projected") => string) {
  const x = burn.days.map(({ on }) => (Date.parse(on) + 86_400_000) / 1000);
  const of = (pick: (day: BurnDown["days"][number]) => string | null): (number | null)[] => burn.days.map((each) => (pick(each) === null ? null : Number(pick(each))));
  return [
    curveOf({ id: "spent", label: t("budgets.curve.spent"), color: "var(--series-0)", area: true }, x, of(({ spent }) => spent)),
    curveOf({ id: "reserved", label: t("budgets.curve.reserved"), color: "var(--series-1)" }, x, of(({ reserved }) => reserved)),
    curveOf({ id: "projected", label: t("budgets.curve.projected"), color: "var(--series-2)", dash: [6, 4] }, x, of(({ projected }) => projected)),
    curveOf({ id: "amount", label: t("budgets.curve.amount"), color: "var(--cancelled)", dash: [4, 4] }, x, x.map(() => Number(burn.amount))),
  ];
}
