import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import type { ReadLines } from "./log-lines";

/** Whose output: one member of one attempt. */
export interface Member {
  workload: string;
  attempt: string;
  rank: number;
}

const asked = ({ attempt, rank }: Member): { attempt: string; rank: number } => ({ attempt, rank });

export const readLines = (member: Member): ReadLines => {
  const path = { id: member.workload };
  return {
    range: (from_line, to_line) => unwrap(api.GET("/api/v1/workloads/{id}/logs", { params: { path, query: { ...asked(member), from_line, to_line } } })),
    tail: (tail) => unwrap(api.GET("/api/v1/workloads/{id}/logs", { params: { path, query: { ...asked(member), tail } } })),
  };
};

export const downloadUrl = ({ workload, attempt, rank }: Member): string =>
  `/api/v1/workloads/${workload}/logs/download?attempt=${attempt}&rank=${rank}&plain=true`;

export const MATCHES_MOST = 5_000;

export interface Matches {
  /** Numbers of the lines, ascending. */
  lines: number[];
  /** There are more. */
  isCut: boolean;
}

/** Numbers of the lines that contain the words; the server looks through all of the output. */
async function search(member: Member, words: string, signal: AbortSignal): Promise<Matches> {
  const lines: number[] = [];
  let after = 0;
  for (;;) {
    const query = { ...asked(member), search: words, after };
    const answer = await unwrap(api.GET("/api/v1/workloads/{id}/logs", { params: { path: { id: member.workload }, query }, signal }));
    for (const piece of answer.chunks) lines.push(piece.first_line);
    if (answer.next_after === after) return { lines, isCut: false };
    if (lines.length >= MATCHES_MOST) return { lines: lines.slice(0, MATCHES_MOST), isCut: true };
    after = answer.next_after;
  }
}

export const searchQuery = (member: Member, words: string) =>
  queryOptions({
    queryKey: ["workloads", member.workload, "log-search", member.attempt, member.rank, words],
    queryFn: ({ signal }) => search(member, words, signal),
    staleTime: 5_000,
  });

/** What programs say when they fail, the surest first. */
export const TROUBLES = ["Traceback (most recent call last)", "Error", "ERROR", "error", "Exception", "FATAL"] as const;
