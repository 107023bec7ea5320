import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { storyQuery } from "../../api";
import classes from "./run.module.css";

/** Every step of the run: when, to which state, why, by whom. */
export function RunStory({ id }: { id: string }) {
  const { t } = useTranslation(["runs", "common"]);
  const query = useQuery(storyQuery(id));
  return (
    <Faces query={query} loading={<LoadingFace rows={5} />}>
      {(steps) => (
        <ol className={classes.timeline} aria-label={t("tab.story")}>
          {steps.map((step, index) => (
            <li key={index}>
              <div className={classes.step}>
                <StateBadge noun="run" state={step.to_state} />
                <Ago at={step.at} />
                {step.actor_kind === "user" && step.actor_name ? <span className="soft">{t("by", { ns: "common", name: step.actor_name })}</span> : null}
              </div>
              <p>
                <Reason reason={step.reason} detail={step.detail} message={step.message} />
              </p>
            </li>
          ))}
        </ol>
      )}
    </Faces>
  );
}
