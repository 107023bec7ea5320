import { Ago } from "./ago";
import { Reason } from "./reason";
import { StateBadge } from "./state-badge";
import { useTranslation } from "react-i18next";
import type { MessagePart } from "@/lib/messages";
import type { Noun } from "@/lib/states";
import classes from "./story.module.css";

export interface StoryStep {
  at: string;
  to_state: string;
  reason?: string | undefined;
  detail?: string | undefined;
  message?: readonly MessagePart[] | null | undefined;
  actor_kind: string;
  actor_name?: string | undefined;
}

/** Every step of an object: when, to which state, why, by whom. */
export function Story({ noun, steps, label }: { noun: Noun; steps: readonly StoryStep[]; label: string }) {
  const { t } = useTranslation();
  return (
    <ol className={classes.story} aria-label={label}>
      {steps.map((step, index) => (
        <li key={index}>
          <div className={classes.step}>
            <StateBadge noun={noun} state={step.to_state} />
            <Ago at={step.at} />
            {step.actor_kind === "user" && step.actor_name ? <span className="soft">{t("by", { name: step.actor_name })}</span> : null}
          </div>
          <Reason reason={step.reason} detail={step.detail} message={step.message} />
        </li>
      ))}
    </ol>
  );
}
