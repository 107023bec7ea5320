import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { live } from "@/live/live";
import { RunCurves } from "@/live/run-curves";
import { useLineState } from "@/live/use-live";
import { readMetrics, type Run } from "../../api";

const POLL = 5_000;

/** The curves of a run while they are shown. */
export function useRunCurves(run: Run, isOver: boolean): { curves: RunCurves; keys: readonly string[] } {
  const { id, summary } = run;
  const [curves, setCurves] = useState(() => new RunCurves(readMetrics(id), Object.keys(summary)));
  const [of, setOf] = useState(id);
  if (of !== id) {
    setOf(id);
    setCurves(new RunCurves(readMetrics(id), Object.keys(summary)));
  }
  useEffect(() => {
    curves.expect(Object.keys(summary));
  }, [curves, summary]);
  useEffect(() => curves.start((subject, follower) => live.follow(subject, follower), `run.${id}`), [curves, id]);
  const isOpen = useLineState() === "open";
  useEffect(() => {
    if (isOpen || isOver) return undefined;
    const timer = setInterval(() => curves.poll(), POLL);
    return () => clearInterval(timer);
  }, [curves, isOpen, isOver]);
  const keys = useSyncExternalStore(curves.onKeys, curves.keys);
  return useMemo(() => ({ curves, keys }), [curves, keys]);
}
