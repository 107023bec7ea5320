import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { poolMapQuery } from "@/api/pools";
import { byResource, type Resource } from "@/lib/amounts";
import { count } from "@/lib/format";
import { lineQuery, treeQuery, type PoolTree, type TreeAmount } from "../../api";
import type { Change } from "../../logic/what-if";

export interface Choice {
  value: string;
  label: string;
}

export interface Choices {
  /** Cohorts and projects by `cohort:<id>`, `queue:<id>`. */
  owners: { group: string; items: Choice[] }[];
  /** By `resource flavor`. */
  resources: Choice[];
  /** What waits or runs, and may be seen. */
  workloads: Choice[];
  nodes: Choice[];
  amountOf: (owner: string, resource: string) => TreeAmount | undefined;
  /** How something of the pool is called; nothing that is gone. */
  nameOf: (id: string | undefined) => string | undefined;
}

export const ownerOf = ({ queue, cohort }: Change): string | null => (queue ? `queue:${queue}` : cohort ? `cohort:${cohort}` : null);
export const resourceOf = ({ resource, flavor }: Change): string | null => (resource ? `${resource} ${flavor ?? ""}` : null);
export const splitResource = (key: string): { resource: Resource; flavor: string } => {
  const [resource = "", ...flavor] = key.split(" ");
  return { resource: resource as Resource, flavor: flavor.join(" ") };
};

/** What the changes of a pool may name; undefined while it is read. */
export function useChoices(pool: string): Choices | undefined {
  const { t } = useTranslation("quotas");
  const tree = useQuery(treeQuery(pool)).data;
  const line = useQuery(lineQuery(pool)).data;
  const map = useQuery(poolMapQuery(pool)).data;
  return useMemo(() => {
    if (!tree) return undefined;
    const cohorts = tree.cohorts.map(({ id, name }) => ({ value: `cohort:${id}`, label: name }));
    const queues = tree.queues.flatMap(({ id, project_name: name }) => (id && name ? [{ value: `queue:${id}`, label: name }] : []));
    const kinds = new Map(tree.amounts.map((amount) => [`${amount.resource} ${amount.flavor}`, amount]));
    const resources = [...kinds].sort(([, a], [, b]) => byResource(a, b)).map(([value, { resource, flavor }]) => ({ value, label: resource === "gpus" ? flavor || t("allGpus") : t(`unit.${resource}`) }));
    const entries = [...(line?.waiting ?? []), ...(line?.running ?? [])].filter(({ holder }) => holder.workload !== null);
    const workloads = entries.map(({ holder, priority }) => ({
      value: holder.workload ?? "",
      label: t("whatIf.workloadIs", { name: holder.workload_name, project: holder.project_name, priority: count(priority) }),
    }));
    const nodes = (map?.nodes ?? []).map(({ id, name }) => ({ value: id, label: name }));
    const names = new Map([...cohorts, ...queues].map(({ value, label }) => [value.slice(value.indexOf(":") + 1), label]));
    for (const { holder } of entries) names.set(holder.workload ?? "", holder.workload_name ?? "");
    for (const { value, label } of nodes) names.set(value, label);
    return {
      owners: [
        { group: t("whatIf.cohorts"), items: cohorts },
        { group: t("whatIf.projects"), items: queues },
      ].filter(({ items }) => items.length),
      resources,
      workloads,
      nodes,
      amountOf: (owner, resource) => amountIn(tree, owner, resource),
      nameOf: (id) => (id ? names.get(id) : undefined),
    };
  }, [tree, line, map, t]);
}

function amountIn(tree: PoolTree, owner: string, resource: string): TreeAmount | undefined {
  const [kind, id] = owner.split(":");
  const found = (kind === "cohort" ? tree.cohorts : tree.queues).find((each) => each.id === id);
  return found?.amounts.find((amount) => `${amount.resource} ${amount.flavor}` === resource);
}
