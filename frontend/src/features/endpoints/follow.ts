import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLive } from "@/live/use-live";

/** Told each second while requests come: no change of the endpoint. */
const FIGURES = "endpoint.figures";
const WAIT = 600;

/** Reads queries again when something but its figures changes of a subject; `onFigures` for those. */
export function useNews(subject: string | null, keys: readonly QueryKey[], onFigures?: () => void): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const refresh = (): void => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      for (const queryKey of keys) void client.invalidateQueries({ queryKey });
    }, WAIT);
  };
  useLive(subject, {
    onUpdate: ({ events = [] }) => {
      if (events.some(({ kind }) => kind !== FIGURES)) refresh();
      if (events.some(({ kind }) => kind === FIGURES)) onFigures?.();
    },
    onGap: refresh,
  });
}
