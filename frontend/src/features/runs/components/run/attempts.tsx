import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Reason } from "@/components/reason";
import type { Mark } from "@/components/plot";
import type { XKind } from "@/components/plot-axes";
import { between, count, duration } from "@/lib/format";
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

/** Ends that somebody else wanted, or had to. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set(["preempted", "reclaimed", "evicted", "node_lost", "cancelled_by_user"]);

type Look = "running" | "succeeded" | "failed" | "other";

function outcomeOf({ ended_at, outcome }: Attempt): Look {
  if (!ended_at) return "running";
  if (outcome === "completed") return "succeeded";
  return NOT_ITS_FAULT.has(outcome) ? "other" : "failed";
}

function Outcome({ attempt }: { attempt: Attempt }) {
  const { t } = useTranslation("runs");
  const { ended_at, started_at, outcome, exit_code, continued_from_step: from } = attempt;
  return (
    <>
      {attempt.number > 1 ? <p className="soft">{from === null ? t("attempts.anew") : t("attempts.continued", { step: count(from) })}</p> : null}
      {ended_at ? (
        <p>
          {outcome === "completed" ? t("attempts.completed") : <Reason reason={outcome} detail={attempt.detail} message={attempt.message} />}
          {exit_code ? ` · ${t("attempts.exit", { code: exit_code })}` : null}
        </p>
      ) : (
        <p>{started_at ? t("attempts.running") : t("attempts.starting")}</p>
      )}
      {attempt.error && !attempt.detail.includes(attempt.error) ? (
        <p className={classes.error} lang="en">
          {attempt.error}
        </p>
      ) : null}
    </>
  );
}

/** Where attempts took up the work of those before them, on the axis of the curves. */
export function marksOf(attempts: readonly Attempt[], kind: XKind, zero: string | null, word: (number: number) => string): Mark[] {
  return attempts.flatMap((attempt) => {
    if (attempt.number === 1 || !attempt.started_at) return [];
    const at = Date.parse(attempt.started_at) / 1000;
    const from = zero ? Date.parse(zero) / 1000 : at;
    const x = kind === "step" ? attempt.continued_from_step : kind === "time" ? at : at - from;
    return x === null ? [] : [{ x, label: word(attempt.number) }];
  });
}
