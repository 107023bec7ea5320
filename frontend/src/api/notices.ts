import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";

/** So many of a kind are read; there may be more. */
export const NOTICES_MOST = 20;

/** What wants the reader: approvals that they may decide, and their runs that failed. */
export const noticesQuery = queryOptions({
  queryKey: ["notices"],
  queryFn: async ({ signal }) => {
    const [approvals, failed] = await Promise.all([
      unwrap(api.GET("/api/v1/approvals", { params: { query: { state: "pending", to_decide: true, page_size: NOTICES_MOST } }, signal })),
      unwrap(api.GET("/api/v1/runs", { params: { query: { state: "failed", ordering: "-created_at", page_size: NOTICES_MOST } }, signal })),
    ]);
    return { approvals: approvals.results, failed: failed.results };
  },
  staleTime: 30_000,
});
