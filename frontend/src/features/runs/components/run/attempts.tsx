import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Reason } from "@/components/reason";
import { between, duration } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import type { Attempt } from "../../api";
import classes from "./run.module.css";

/** The attempts of a run on a time axis: how long each waited to start, how long it ran, how it ended. */
export function Attempts({ attempts }: { attempts: readonly Attempt[] }) {
  const { t } = useTranslation("runs");
  const now = useNow();
  if (!attempts.length) return <p className="soft">{t("attempts.none")}</p>;
  const begin = Date.parse(attempts[0]!.created_at);
  const end = Math.max(...attempts.map(({ ended_at }) => (ended_at ? Date.parse(ended_at) : now)), begin + 1);
  const place = (at: string | null | undefined): number => ((at ? Date.parse(at) : now) - begin) / (end - begin);
  return (
    <ol className={classes.timeline}>
      {attempts.toReversed().map((attempt) => (
        <li key={attempt.id}>
          <div className={classes.step}>
            <strong>{t("logs.attemptNumber", { ns: "common", number: attempt.number })}</strong>
            <span className="num">{duration(between(attempt.started_at ?? attempt.created_at, attempt.ended_at, now))}</span>
            <Ago at={attempt.started_at ?? attempt.created_at} />
          </div>
          <div className={classes.track} aria-hidden>
            <span className={classes.trackWait} style={bar(place(attempt.created_at), place(attempt.started_at ?? attempt.ended_at))} />
            {attempt.started_at ? <span className={classes.trackRun} data-outcome={outcomeOf(attempt)} style={bar(place(attempt.started_at), place(attempt.ended_at))} /> : null}
          </div>
          <Outcome attempt={attempt} />
        </li>
      ))}
    </ol>
  );
}

const bar = (from: number, to: number): { left: string; width: string } => ({ left: `${from * 100}%`, width: `max(2px, ${Math.max(0, to - from) * 100}%)` });

type Look = "running" | "succeeded" | "failed" | "other";

function outcomeOf({ ended_at, outcome }: Attempt): Look {
  if (!ended_at) return "running";
  if (outcome === "completed") return "succeeded";
  return outcome === "preempted" || outcome === "cancelled_by_user" || outcome === "reclaimed" ? "other" : "failed";
}

function Outcome({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation("runs");
  const { ended_at, started_at, outcome, exit_code } = attempt;
  if (!ended_at) return <p>{started_at ? t("attempts.running") : t("attempts.starting")}</p>;
  return (
    <p>
      {outcome === "completed" ? t("attempts.completed") : <Reason reason={outcome} />}
      {exit_code ? ` · ${t("attempts.exit", { code: exit_code })}` : null}
    </p>
  );
}
