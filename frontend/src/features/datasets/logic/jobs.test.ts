import { expect, test } from "vitest";
import type { CleaningRun, Ingestion, ValidationRun } from "../api";
import { listed } from "./jobs";

const job = (id: string, workload: string, second: number) => ({ id, workload, created_at: `2026-03-02T09:30:0${second}Z` });

test("newest first, and what a job found on its way is not listed beside it", () => {
  const rows = listed([job("i", "w1", 1)] as Ingestion[], [job("c", "w2", 3)] as CleaningRun[], [job("note", "w1", 2), job("v", "w3", 4)] as ValidationRun[]);
  expect(rows.map(({ kind, job: { id } }) => [kind, id])).toEqual([
    ["validation_run", "v"],
    ["cleaning_run", "c"],
    ["ingestion", "i"],
  ]);
});
