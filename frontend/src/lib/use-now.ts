import { useSyncExternalStore } from "react";

/** One clock for every relative time on the page; it ticks only while somebody looks. */
const listeners = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  now = Date.now();
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === undefined) {
    now = Date.now();
    timer = setInterval(tick, 1_000);
  }
  return () => {
    listeners.delete(listener);
    if (!listeners.size) {
      clearInterval(timer);
      timer = undefined;
    }
  };
}

/** The time in ms, renewed each second; in steps of `stepSeconds`, so that a page renders no more often than it must. */
export function useNow(stepSeconds = 1): number {
  const step = stepSeconds * 1_000;
  return useSyncExternalStore(subscribe, () => Math.floor(now / step) * step);
}
