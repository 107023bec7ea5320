import type { components } from "@/api/schema.gen";

/** The form of a budget, and which of a pool's rates holds when. Pure. */

type Schemas = components["schemas"];
export type Budget = Schemas["Budget"];
export type Rate = Schemas["Rate"];
export type Action = Schemas["BudgetAction"];
export const ACTIONS: readonly Action[] = ["warn", "require_approval", "block"];
export const PERIODS: readonly Schemas["BudgetPeriod"][] = ["month", "quarter", "fixed"];
export const THRESHOLDS_MOST = 10;
const PERCENT_MOST = 1000;

export interface Threshold {
  percent: number | string;
  action: Action;
}

export interface BudgetDraft {
  /** `project:<id>`, `team:<id>`, `organisation:<id>`. */
  owner: string | null;
  name: string;
  unit: Schemas["BudgetUnit"];
  amount: number | string;
  period: Schemas["BudgetPeriod"];
  starts_on: string;
  ends_on: string;
  thresholds: Threshold[];
}

export const freshBudget = (owner: string | null): BudgetDraft => ({
  owner,
  name: "",
  unit: "gpu_hours",
  amount: "",
  period: "month",
  starts_on: "",
  ends_on: "",
  thresholds: [
    { percent: 80, action: "warn" },
    { percent: 100, action: "block" },
  ],
});

/** As it is set now. */
export const draftOfBudget = (budget: Budget): BudgetDraft => ({
  owner: `${budget.scope}:${budget[budget.scope] ?? ""}`,
  name: budget.name,
  unit: budget.unit,
  amount: Number(budget.amount),
  period: budget.period,
  starts_on: budget.starts_on ?? "",
  ends_on: budget.ends_on ?? "",
  thresholds: budget.thresholds.map(({ ratio, action }) => ({ percent: Number((Number(ratio) * 100).toFixed(2)), action })),
});

/** What keeps it from being sent: words of the form. */
export type Problem = "owner" | "name" | "amount" | "dates" | "order" | "thresholds";

export function problemsOf(draft: BudgetDraft): Problem[] {
  const found: Problem[] = [];
  if (!draft.owner) found.push("owner");
  if (!/^[-\w]{1,60}$/.test(draft.name)) found.push("name");
  if (typeof draft.amount !== "number" || draft.amount < 0) found.push("amount");
  if (draft.period === "fixed" && !(draft.starts_on && draft.ends_on)) found.push("dates");
  if (draft.starts_on && draft.ends_on && draft.ends_on < draft.starts_on) found.push("order");
  const shares = draft.thresholds.map(({ percent }) => percent);
  if (!shares.length || shares.some((each) => typeof each !== "number" || each <= 0 || each > PERCENT_MOST) || new Set(shares).size < shares.length) found.push("thresholds");
  return found;
}

/** What is sent of it; whose it is says the address of a change. */
export function bodyOfBudget(draft: BudgetDraft): Omit<Schemas["BudgetCreateRequest"], "project" | "team" | "organisation"> {
  return {
    name: draft.name,
    unit: draft.unit,
    amount: String(draft.amount),
    period: draft.period,
    starts_on: draft.starts_on || null,
    ends_on: draft.ends_on || null,
    thresholds: [...draft.thresholds].sort((a, b) => Number(a.percent) - Number(b.percent)).map(({ percent, action }) => ({ ratio: String(Number((Number(percent) / 100).toFixed(4))), action })),
  };
}

/** The key that names the owner in a new budget. */
export function ownerOfBudget(owner: string): { project: string } | { team: string } | { organisation: string } {
  const id = owner.slice(owner.indexOf(":") + 1);
  if (owner.startsWith("project:")) return { project: id };
  return owner.startsWith("team:") ? { team: id } : { organisation: id };
}

export interface DatedRate {
  rate: Rate;
  /** From when another one holds; null: it is the last. */
  until: string | null;
  holds: "now" | "later" | "before";
}

/** Every rate with when it holds: by what it is for, the latest first. */
export function datedRates(rates: readonly Rate[], now: number): DatedRate[] {
  const kinds = new Map<string, Rate[]>();
  for (const rate of rates) {
    const kind = `${rate.resource} ${rate.flavor}`;
    kinds.set(kind, [...(kinds.get(kind) ?? []), rate]);
  }
  return [...kinds.values()].flatMap((of) => {
    const sorted = [...of].sort((a, b) => Date.parse(b.valid_from) - Date.parse(a.valid_from));
    return sorted.map((rate, index): DatedRate => {
      const until = sorted[index - 1]?.valid_from ?? null;
      const isLater = Date.parse(rate.valid_from) > now;
      return { rate, until, holds: isLater ? "later" : until === null || Date.parse(until) > now ? "now" : "before" };
    });
  });
}
