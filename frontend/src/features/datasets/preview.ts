import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo } from "react";
import { api, unwrap } from "@/api/client";
import { ApiError } from "@/api/problem";
import type { components } from "@/api/schema.gen";
import { isOver } from "@/lib/states";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { keys } from "./api";

type Schemas = components["schemas"];
export type Preview = Schemas["Preview"];
export type Previewed = Schemas["PreviewedShape"];
export type Advice = Schemas["AdviceShape"];
export type PreviewTable = Schemas["PreviewTableShape"];

/** Long enough not to ask at every key, short enough to feel at once. */
const TYPING_MS = 300;
const KEPT_MS = 60_000;
const ADDRESS = "/api/v1/previews/{id}";

const openPreview = (version: string): Promise<Preview> => unwrap(api.POST("/api/v1/previews", { body: { version } }));

const previewQuery = (id: string) =>
  queryOptions({
    queryKey: [...keys.all, "preview", id],
    queryFn: ({ signal }): Promise<Preview> => unwrap(api.GET(ADDRESS, { params: { path: { id } }, signal })),
  });

/** What can be said of a preview: it starts, it is there, it has ended, or it could not be had. */
export interface PreviewState {
  preview: Preview | undefined;
  /** What the newest steps that were applied do; those typed since are under way. */
  shown: Previewed | undefined;
  error: Error | null;
  isBusy: boolean;
  isOver: boolean;
  reopen: () => void;
}

/** Keeps a preview of the version open while the component is shown, and applies the steps to it whenever they change. */
export function usePreview(version: string, steps: readonly Record<string, unknown>[]): PreviewState {
  const client = useQueryClient();
  const opening = useMutation({
    mutationFn: openPreview,
    onSuccess: (opened) => client.setQueryData(previewQuery(opened.id).queryKey, opened),
  });
  const { mutate: open } = opening;
  useEffect(() => open(version), [open, version]);
  const id = opening.data?.id;
  const fallback = useFallbackInterval(1_000);
  const followed = useQuery({ ...previewQuery(id ?? ""), enabled: id !== undefined, refetchInterval: ({ state }) => (state.data && isOver(state.data.state) ? false : fallback) });
  const preview = followed.data;
  const watched = useMemo(() => [previewQuery(id ?? "").queryKey], [id]);
  useLiveRefresh(id ? `preview.${id}` : null, watched, 20);
  useLiveRefresh(preview && !preview.is_ready ? `workload.${preview.workload}` : null, watched, 100);
  const [text] = useDebouncedValue(JSON.stringify(steps), TYPING_MS);
  const over = preview !== undefined && (isOver(preview.state) || preview.is_closing);
  const applied = useQuery({
    queryKey: [...keys.all, "previewed", id, text],
    queryFn: ({ signal }): Promise<Previewed> =>
      unwrap(api.POST(`${ADDRESS}/apply`, { params: { path: { id: id ?? "" } }, body: { steps: JSON.parse(text) as Record<string, unknown>[] }, signal })),
    enabled: preview?.is_ready === true && !over,
    placeholderData: keepPreviousData,
    staleTime: Infinity,
    gcTime: KEPT_MS,
    retry: (times, error) => error instanceof ApiError && error.retryable && times < 5,
  });
  const ended = applied.error instanceof ApiError && applied.error.code === "preview_ended";
  return {
    preview,
    shown: applied.data,
    error: opening.error ?? followed.error ?? (ended ? null : applied.error),
    isBusy: applied.isFetching || text !== JSON.stringify(steps),
    isOver: over || ended,
    reopen: () => open(version),
  };
}
