import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { LineageTrail } from "@/components/lineage-trail";
import { Reason } from "@/components/reason";
import { between, duration } from "@/lib/format";
import { isOver } from "@/lib/states";
import { useNow } from "@/lib/use-now";
import type { Run } from "../../api";
import classes from "./run.module.css";

/** Under the title: who, when, how long, of which experiment; what it was made of; tags. */
export function RunLead({ run }: { run: Run }) {
  const { t } = useTranslation(["runs", "common"]);
  return (
    <>
      <span>
        <Link to="/runs" search={{ experiment: run.experiment } as never}>
          {run.experiment_name}
        </Link>
      </span>
      {run.requested_by_name ? <span>{t("by", { ns: "common", name: run.requested_by_name })}</span> : null}
      <Ago at={run.created_at} />
      {run.started_at && run.state !== "queued" ? <Duration run={run} /> : null}
      {run.tags.map((tag) => (
        <span key={tag} className={classes.tag}>
          {tag}
        </span>
      ))}
      <LineageTrail kind="run" id={run.id} />
    </>
  );
}

function Duration({ run }: { run: Run }) {
  const { t } = useTranslation("runs");
  const now = useNow();
  return <span title={t("column.duration")}>{duration(between(run.started_at, run.ended_at, isOver(run.state) ? Date.parse(run.ended_at ?? run.state_at) : now))}</span>;
}

/** Why it is in its state, where that is to be said: while it waits `Waiting` says more. */
export function StateReason({ run }: { run: Run }) {
  const wordless = run.state_reason === "completed" || run.state_reason === "";
  if (run.state === "queued" || (wordless && !run.state_message.length && !run.state_detail)) return null;
  return (
    <p className={classes.reason} data-state={run.state}>
      <Reason reason={run.state_reason} detail={run.state_detail} message={run.state_message} />
    </p>
  );
}
