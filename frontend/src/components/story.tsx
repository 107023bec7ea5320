import { useQuery, type QueryKey, type UseQueryOptions } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import type { components } from "@/api/schema.gen";
import type { Noun } from "@/lib/states";
import { Ago } from "./ago";
import { Faces, LoadingFace } from "./faces";
import { Reason } from "./reason";
import { StateBadge } from "./state-badge";
import classes from "./story.module.css";

type StoryStep = components["schemas"]["StoryStep"];

interface Props<Key extends QueryKey> {
  noun: Noun;
  query: UseQueryOptions<StoryStep[], Error, StoryStep[], Key>;
  /** For screen readers: whose. */
  label: string;
}

/** Every step of an object: when, to which state, why, by whom. */
export function Story<Key extends QueryKey>({ noun, query, label }: Props<Key>) {
  const { t } = useTranslation();
  const found = useQuery(query);
  return (
    <Faces query={found} loading={<LoadingFace rows={4} />}>
      {(steps) =>
        steps.length ? (
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
        ) : (
          <p className="soft">{t("noStory")}</p>
        )
      }
    </Faces>
  );
}
