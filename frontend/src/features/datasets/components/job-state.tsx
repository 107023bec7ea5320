import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StateBadge } from "@/components/state-badge";
import type { JobKind } from "../api";
import classes from "./job-state.module.css";

/** A job's kind and state, as a link to its page. */
export function JobState({ kind, id, state, detail }: { kind: JobKind; id: string; state: string; detail?: string }) {
  const { t } = useTranslation("datasets");
  return (
    <Link to="/dataset-jobs/$kind/$jobId" params={{ kind, jobId: id }} className={classes.job} title={detail ?? undefined}>
      <StateBadge noun="job" state={state} />
      <span className="cut">{t(`job.${kind}`)}</span>
    </Link>
  );
}
