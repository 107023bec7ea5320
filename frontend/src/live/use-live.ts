import { useQueryClient, type QueryKey } from "@tanstack/react-query";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { live } from "./live";
import type { Follower, LineState } from "./socket";

/** Follow a subject (`run.<id>`) while the component is shown; nothing without one. The follower may be a new object each time. */
export function useLive(subject: string | null | undefined, follower: Follower): void {
  const latest = useRef(follower);
  useEffect(() => {
    latest.current = follower;
  });
  useEffect(() => {
    if (!subject) return undefined;
    return live.follow(subject, {
      onUpdate: (update) => latest.current.onUpdate?.(update),
      onGap: () => latest.current.onGap?.(),
      onRefused: (detail) => latest.current.onRefused?.(detail),
    });
  }, [subject]);
}

/**
 * Read these queries again when something happens to the subject.
 *
 * What arrives within `waitMs` is one reading; a list with many changes is not read for each of them.
 */
export function useLiveRefresh(subject: string | null | undefined, keys: readonly QueryKey[], waitMs = 400): void {
  const client = useQueryClient();
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const refresh = (): void => {
    if (timer.current !== undefined) return;
    timer.current = setTimeout(() => {
      timer.current = undefined;
      for (const queryKey of keys) void client.invalidateQueries({ queryKey });
    }, waitMs);
  };
  useLive(subject, {
    onUpdate: (update) => {
      if (update.events?.length) refresh();
    },
    onGap: refresh,
  });
}

/** Whether news come by the socket now. */
export function useLineState(): LineState {
  return useSyncExternalStore(live.onState, live.lineState);
}

/** For `refetchInterval`: only while the socket is not there. */
export function useFallbackInterval(ms = 5_000): number | false {
  return useLineState() === "open" ? false : ms;
}
