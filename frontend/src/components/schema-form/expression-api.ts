import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, queryOptions, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import type { Column } from "./context";
import { askedColumns } from "./expression";

export type Told = components["schemas"]["ExpressionTold"];

const TYPING_MS = 300;
const KEPT_MS = 60_000;

export const functionsQuery = queryOptions({
  queryKey: ["expressions", "functions"],
  queryFn: async ({ signal }) => (await unwrap(api.GET("/api/v1/expression-functions", { signal }))).functions,
  staleTime: Infinity,
});

export interface Checked {
  /** What was told of the newest text that was asked about. */
  told: Told | undefined;
  /** It is of what stands there now. */
  isCurrent: boolean;
  error: Error | null;
}

/** Of which type the expression is, or what is wrong with it: asked when nobody has typed for a moment, of an empty one never. */
export function useChecked(text: string, columns: readonly Column[]): Checked {
  const [settled] = useDebouncedValue(text, TYPING_MS);
  const asked = useMemo(() => askedColumns(columns, settled), [columns, settled]);
  const query = useQuery({
    queryKey: ["expressions", "check", settled, asked],
    queryFn: ({ signal }): Promise<Told> => unwrap(api.POST("/api/v1/expressions/check", { body: { expression: settled, columns: asked }, signal })),
    enabled: settled.trim() !== "",
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: KEPT_MS,
    retry: 1,
  });
  const isEmpty = text.trim() === "" || settled.trim() === "";
  return { told: isEmpty ? undefined : query.data, isCurrent: settled === text && !query.isPlaceholderData, error: isEmpty ? null : query.error };
}
