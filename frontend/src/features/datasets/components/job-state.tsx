import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { StateBadge } from "@/components/state-badge";
import { sentence, type MessagePart } from "@/lib/messages";
import type { JobKind } from "../api";
import classes from "./job-state.module.css";

interface Props {
  kind: JobKind;
  id: string;
  state: string;
  /** Why it is in this state; shown on hover. */
  message?: readonly MessagePart[] | undefined;
}

/** A job's kind and state, as a link to its page. */
export function JobState({ kind, id, state, message }: Props) {
  const { t } = useTranslation("datasets");
  const { t: say } = useTranslation("messages");
  const why = message?.map((part) => sentence(say, part)).join(" ");
  return (
    <Link to="/dataset-jobs/$kind/$jobId" params={{ kind, jobId: id }} className={classes.job} title={why}>
      <StateBadge noun="job" state={state} />
      <span className="cut">{t(`job.${kind}`)}</span>
    </Link>
  );
}
