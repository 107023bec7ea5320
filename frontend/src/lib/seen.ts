import { useCallback, useSyncExternalStore } from "react";

/** When the reader last looked at their notifications: kept in this browser, shared between its tabs. */
const KEY = "bedplate-notifications-seen-at";
const listeners = new Set<() => void>();
const tell = (): void => listeners.forEach((listener) => listener());

window.addEventListener("storage", (event) => {
  if (event.key === KEY) tell();
});

export function useSeenAt(): [string, (at: string) => void] {
  const subscribe = useCallback((listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, []);
  const seenAt = useSyncExternalStore(subscribe, () => localStorage.getItem(KEY) ?? "");
  const see = useCallback((at: string) => {
    localStorage.setItem(KEY, at);
    tell();
  }, []);
  return [seenAt, see];
}
