import type { PoolTree, TreeAmount } from "../api";

/** One line of the tree of a pool. */
export interface TreeRow {
  key: string;
  kind: "pool" | "cohort" | "queue";
  /** Null: a project that the reader does not see. */
  name: string | null;
  depth: number;
  weight: number | null;
  running: number | null;
  waiting: number | null;
  caps: { running_most: number | null; gpus_per_run_most: number | null; run_seconds_most: number | null } | null;
  amounts: readonly TreeAmount[];
}

const byName = new Intl.Collator(undefined, { numeric: true }).compare;

/** The pool, then what is below it, depth first: cohorts before queues, each by name. A cohort without its parent stands below the pool. */
export function treeRows(tree: PoolTree): TreeRow[] {
  const known = new Set(tree.cohorts.map(({ id }) => id));
  const above = (parent: string | null): string => (parent !== null && known.has(parent) ? parent : "");
  const rows: TreeRow[] = [{ key: tree.pool, kind: "pool", name: tree.pool_name, depth: 0, weight: null, running: null, waiting: null, caps: null, amounts: tree.amounts }];
  const add = (parent: string, depth: number): void => {
    for (const cohort of tree.cohorts.filter((each) => above(each.parent) === parent).sort((a, b) => byName(a.name, b.name))) {
      rows.push({ key: cohort.id, kind: "cohort", name: cohort.name, depth, weight: cohort.weight, running: null, waiting: null, caps: null, amounts: cohort.amounts });
      add(cohort.id, depth + 1);
    }
    const queues = tree.queues.filter((each) => above(each.cohort) === parent);
    queues.sort((a, b) => Number(b.visible) - Number(a.visible) || byName(a.project_name ?? "", b.project_name ?? ""));
    queues.forEach((queue, index) => {
      const { running_most, gpus_per_run_most, run_seconds_most } = queue;
      const capped = running_most !== null || gpus_per_run_most !== null || run_seconds_most !== null;
      rows.push({
        key: queue.id ?? `${parent} ${index}`,
        kind: "queue",
        name: queue.project_name,
        depth,
        weight: queue.weight,
        running: queue.running,
        waiting: queue.waiting,
        caps: capped ? { running_most, gpus_per_run_most, run_seconds_most } : null,
        amounts: queue.amounts,
      });
    });
  };
  add("", 1);
  return rows;
}
