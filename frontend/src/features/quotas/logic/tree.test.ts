import { describe, expect, it } from "vitest";
import type { PoolTree } from "../api";
import { treeRows } from "./tree";

const cohort = (id: string, parent: string | null): PoolTree["cohorts"][number] => ({ id, name: id, parent, team: null, weight: 1, amounts: [] });
const queue = (name: string | null, under: string | null, running_most: number | null = null): PoolTree["queues"][number] => ({
  visible: name !== null, id: name, cohort: under, project: name, project_name: name, weight: 1, running_most, gpus_per_run_most: null, run_seconds_most: null, running: 1, waiting: 2, amounts: [],
});

describe("treeRows", () => {
  it("puts what is below a cohort right behind it, cohorts before queues, by name", () => {
    const tree: PoolTree = {
      pool: "p", pool_name: "local", amounts: [],
      cohorts: [cohort("team-b", "org"), cohort("org", null), cohort("team-a", "org")],
      queues: [queue("free", null), queue("two", "team-b"), queue(null, "team-a"), queue("one", "team-a", 3)],
    };
    expect(treeRows(tree).map(({ name, depth }) => [name, depth])).toEqual([
      ["local", 0], ["org", 1], ["team-a", 2], ["one", 3], [null, 3], ["team-b", 2], ["two", 3], ["free", 1],
    ]);
    expect(treeRows(tree).filter(({ caps }) => caps).map(({ name }) => name)).toEqual(["one"]);
  });

  it("shows below the pool what names a cohort that is not there", () => {
    const tree: PoolTree = { pool: "p", pool_name: "local", amounts: [], cohorts: [cohort("lone", "gone")], queues: [queue("one", "gone")] };
    expect(treeRows(tree).map(({ name, depth }) => [name, depth])).toEqual([["local", 0], ["lone", 1], ["one", 1]]);
  });
});
