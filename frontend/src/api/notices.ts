import { queryOptions } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import { meQuery } from "./me";

/** So many of a kind are read; there may be more. */
export const NOTICES_MOST = 20;

/** What wants the reader: approvals that they may decide, and their runs that failed. */
export const noticesQuery = queryOptions({
  queryKey: ["notices"],
  queryFn: async ({ signal, client }) => {
    const { username } = await client.ensureQueryData(meQuery);
    const mine = { state: ["failed" as const], where: [`requested_by=${JSON.stringify(username)}`], sort: "-ended_at", limit: NOTICES_MOST };
    const [approvals, failed] = await Promise.all([
      unwrap(api.GET("/api/v1/approvals", { params: { query: { state: "pending", to_decide: true, page_size: NOTICES_MOST } }, signal })),
      unwrap(api.GET("/api/v1/runs/table", { params: { query: mine }, signal })),
    ]);
    return { approvals: approvals.results, failed: failed.rows };
  },
  staleTime: 30_000,
});
