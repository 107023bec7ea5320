import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { api, unwrap } from "./client";
import type { components } from "./schema.gen";

export type Me = components["schemas"]["Me"];
export type Project = Me["projects"][number];

/** What the server wrote into the page, so that the first paint waits for no request. */
function booted(): Me | undefined {
  const text = document.getElementById("me")?.textContent;
  return text ? (JSON.parse(text) as Me) : undefined;
}

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: () => unwrap(api.GET("/api/v1/users/me")),
  initialData: booted,
  staleTime: 60_000,
});

/** Who is signed in, and their projects with roles. */
export function useMe(): Me {
  return useSuspenseQuery(meQuery).data;
}
