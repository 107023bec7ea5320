import { memo } from "react";
import { useTranslation } from "react-i18next";
import { RowLink } from "@/components/row-link";
import { Sparkline } from "@/components/sparkline";
import { StateBadge } from "@/components/state-badge";
import { between, duration, value } from "@/lib/format";
import { SERIES, seriesIndex } from "@/lib/series-colors";
import { useNow } from "@/lib/use-now";
import type { RunRow } from "../api-list";
import { messageText } from "@/lib/messages";
import classes from "./run-cells.module.css";

/** Name and tags. */
export const NameCell = memo(function NameCell({ run }: { run: RunRow }) {
  return (
    <span className={classes.name}>
      <RowLink href={`/runs/${run.id}`} target={() => ({ to: "/runs/$runId", params: { runId: run.id } })} className="cut" title={run.name}>
        {run.name}
      </RowLink>
      {run.tags.map((tag) => (
        <span key={tag} className={classes.tag}>
          {tag}
        </span>
      ))}
    </span>
  );
});

/** The state, and why it is in it where that needs a word. */
export const StateCell = memo(function StateCell({ run }: { run: RunRow }) {
  const { t } = useTranslation("states");
  const { t: say } = useTranslation("messages");
  const reason = run.state_reason && run.state_reason !== "completed" ? t(`reason.${run.state_reason}` as never) : "";
  return (
    <span className={classes.state} title={messageText(say, run.state_message) || undefined}>
      <StateBadge noun="run" state={run.state} />
      {reason ? <span className="cut soft">{reason}</span> : null}
    </span>
  );
});

/** Where the run stands by the metric that it is judged by: the best value. */
export const GoalCell = memo(function GoalCell({ goal }: { goal: RunRow["goal"] }) {
  const { t } = useTranslation("runs");
  if (!goal) return null;
  return (
    <span className={classes.goal} title={t("list.goalHint", { key: goal.key, mode: t(`mode.${goal.mode}`), last: value(goal.last), step: goal.last_step })}>
      <span className="cut soft">{goal.key}</span>
      <span>{value(goal.best)}</span>
    </span>
  );
});

export const KindCell = memo(function KindCell({ kind }: { kind: RunRow["kind"] }) {
  const { t } = useTranslation("runs");
  return t(`kind.${kind}`);
});

export const CurveCell = memo(function CurveCell({ run }: { run: RunRow }) {
  if (!run.spark?.length) return null;
  return (
    <span className={classes.curve}>
      <Sparkline values={run.spark} width={92} height={22} color={SERIES[seriesIndex(run.id)] ?? "var(--accent)"} />
    </span>
  );
});

/** How long it took, as figure and as bar among the longest that are shown. */
export const DurationCell = memo(function DurationCell({ run, longest }: { run: RunRow; longest: number }) {
  if (!run.started_at) return null;
  return run.ended_at ? <Bar seconds={run.duration_seconds} longest={longest} state={run.state} /> : <GoingOn run={run} longest={longest} />;
});

function GoingOn({ run, longest }: { run: RunRow; longest: number }) {
  const now = useNow();
  return <Bar seconds={between(run.started_at, null, now)} longest={longest} state={run.state} />;
}

function Bar({ seconds, longest, state }: { seconds: number | null; longest: number; state: RunRow["state"] }) {
  const share = longest > 0 ? Math.min(1, Math.max(0, (seconds ?? 0) / longest)) : 0;
  return (
    <span className={classes.duration}>
      <span className={classes.track} aria-hidden>
        <span className={classes.bar} data-state={state} style={{ width: `${share * 100}%` }} />
      </span>
      <span>{duration(seconds)}</span>
    </span>
  );
}

/** A parameter as it was given, or a number of a metric. */
export const ValueCell = memo(function ValueCell({ held }: { held: unknown }) {
  const { t } = useTranslation();
  if (held === null || held === undefined) return null;
  if (typeof held === "number") return <span title={String(held)}>{value(held)}</span>;
  if (typeof held === "boolean") return t(held ? "yes" : "no");
  // Numbers that JSON has no word for come as text: they stand as figures.
  if (held === "NaN" || held === "Infinity" || held === "-Infinity") return <span title={held}>{value(Number(held))}</span>;
  if (typeof held === "string") return <span title={held}>{held}</span>;
  const text = JSON.stringify(held);
  return (
    <span className="mono" title={text}>
      {text}
    </span>
  );
});
