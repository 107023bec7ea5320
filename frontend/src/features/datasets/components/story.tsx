import { Text } from "@mantine/core";
import { useQuery, type QueryKey, type UseQueryOptions } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Faces } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import type { Noun } from "@/lib/states";
import type { StoryStep } from "../api";
import classes from "./story.module.css";

interface Props<Key extends QueryKey> {
  noun: Noun;
  query: UseQueryOptions<StoryStep[], Error, StoryStep[], Key>;
}

/** How something came to its state: every step, with why, by whom and when. */
export function Story<Key extends QueryKey>({ noun, query }: Props<Key>) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const found = useQuery(query);
  return (
    <Faces query={found}>
      {(steps) =>
        steps.length ? (
          <ol className={classes.story}>
            {steps.map((step, index) => (
              <li key={index} className={classes.step}>
                <StateBadge noun={noun} state={step.to_state} />
                <span className={classes.why}>
                  <Reason reason={step.reason} detail={step.detail} message={step.message} />
                </span>
                <span className="soft">{step.actor_kind === "user" && step.actor_name ? tCommon("by", { name: step.actor_name }) : t("story.system")}</span>
                <span className="soft">
                  <Ago at={step.at} />
                </span>
              </li>
            ))}
          </ol>
        ) : (
          <Text className="soft">{t("story.none")}</Text>
        )
      }
    </Faces>
  );
}
