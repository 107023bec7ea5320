import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useLive } from "@/live/use-live";
import { runListKey } from "../api-list";

interface Props {
  projects: readonly string[];
  /** Runs on the screen that report points now. */
  running: readonly string[];
}

/** A list with many changes is read again once in so many ms. */
const EVENTS_WAIT = 800;
const POINTS_WAIT = 4_000;
const PROJECTS_MOST = 100;
const RUNNING_MOST = 40;

/** Reads the table again when something happens to its runs, seldom for their points. Draws nothing. */
export function RunsLive({ projects, running }: Props) {
  const client = useQueryClient();
  const due = useRef<{ at: number; timer: ReturnType<typeof setTimeout> } | null>(null);
  useEffect(() => () => clearTimeout(due.current?.timer), []);
  const news = (wait: number): void => {
    const at = Date.now() + wait;
    if (due.current && due.current.at <= at) return;
    clearTimeout(due.current?.timer);
    const timer = setTimeout(() => {
      due.current = null;
      void client.invalidateQueries({ queryKey: runListKey });
    }, wait);
    due.current = { at, timer };
  };
  return (
    <>
      {projects.slice(0, PROJECTS_MOST).map((id) => (
        <Follow key={id} subject={`project.${id}`} onEvents={() => news(EVENTS_WAIT)} />
      ))}
      {running.slice(0, RUNNING_MOST).map((id) => (
        <Follow key={id} subject={`run.${id}`} onPoints={() => news(POINTS_WAIT)} />
      ))}
    </>
  );
}

interface FollowProps {
  subject: string;
  onEvents?: () => void;
  onPoints?: () => void;
}

function Follow({ subject, onEvents, onPoints }: FollowProps) {
  useLive(subject, {
    onUpdate: (update) => {
      if (update.events?.some(({ subject: of }) => of.startsWith("run.") || of.startsWith("workload."))) onEvents?.();
      if (update.points?.length || update.points_missing) onPoints?.();
    },
    onGap: () => (onEvents ?? onPoints)?.(),
  });
  return null;
}
