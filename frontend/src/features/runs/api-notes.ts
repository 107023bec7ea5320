import { queryOptions, useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";
import { api, unwrap } from "@/api/client";
import { ApiError } from "@/api/problem";
import type { RangePage } from "@/components/data-table/use-range-rows";
import { runKey } from "./api";
import { runListKey, useRunsChanged, type RunRow } from "./api-list";
import { withNotes } from "./notes";

/** Notes as they were written, and as HTML. */
export const notesQuery = (id: string) =>
  queryOptions({
    queryKey: [...runKey(id), "notes"],
    queryFn: ({ signal }) => unwrap(api.GET("/api/v1/runs/{id}/notes", { params: { path: { id } }, signal })),
  });

/** What is written, and what the writer saw there before. */
export interface Written {
  notes: string;
  before: string;
}

/** Somebody else wrote there first. */
export const isOvertaken = (error: unknown): boolean => error instanceof ApiError && error.code === "stale_state";

/** The table shows the new notes at once, and the old ones again where they were not kept. */
export function useWriteNotes(id: string) {
  const client = useQueryClient();
  const changed = useRunsChanged();
  return useMutation({
    mutationFn: (written: Written) => unwrap(api.PUT("/api/v1/runs/{id}/notes", { params: { path: { id } }, body: written })),
    onMutate: async ({ notes }: Written) => {
      const table = { queryKey: [...runListKey, "table"] };
      // What is on the way was read before.
      await client.cancelQueries(table);
      const before = client.getQueriesData<RangePage<RunRow>>(table);
      for (const [key, page] of before) if (page) client.setQueryData(key, withNotes(page, id, notes));
      return before;
    },
    onError: (_error, _written, before: [QueryKey, RangePage<RunRow> | undefined][] | undefined) => {
      for (const [key, page] of before ?? []) client.setQueryData(key, page);
      void client.invalidateQueries({ queryKey: notesQuery(id).queryKey });
    },
    onSuccess: (kept) => {
      client.setQueryData(notesQuery(id).queryKey, kept);
      return changed();
    },
  });
}
