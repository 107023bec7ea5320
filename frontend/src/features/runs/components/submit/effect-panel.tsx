import { Code, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconClockHour4 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/copy-button";
import { bytes, cores, count } from "@/lib/format";
import { quotaUsageQuery } from "../../api-submit";
import { effectsOf, verdictOf, type Effect, type Resources } from "../../submit";
import classes from "./submit.module.css";

interface Props {
  projectId: string | undefined;
  resources: Resources;
  /** That start together. */
  members: number;
  /** Where it runs; null: where the project's work runs. */
  pool: string | null;
  /** The same as a call of the API. */
  call: string;
}

/** What submitting would do: what is reserved, what the project has left, and the same as a call. */
export function EffectPanel({ projectId, resources, members, pool, call }: Props) {
  const { t } = useTranslation("runs");
  const usages = useQuery({ ...quotaUsageQuery(projectId ?? ""), enabled: projectId !== undefined }).data;
  const usage = pool === null ? usages?.[0] : usages?.find(({ pool_name }) => pool_name === pool);
  const effects = effectsOf(resources, usage?.amounts ?? [], members);
  return (
    <aside className={classes.effect} aria-label={t("submit.effect")}>
      <Title order={2}>{t("submit.effect")}</Title>
      {usage ? <Verdict verdict={verdictOf(effects)} project={usage.project_name} pool={usage.pool_name} /> : null}
      <ul className={classes.amounts}>
        {effects.map((effect) => (
          <AmountLine key={`${effect.resource} ${effect.flavor}`} effect={effect} isKnown={usage !== undefined} />
        ))}
      </ul>
      <div className={classes.head}>
        <Title order={3}>{t("face.asApiCall", { ns: "common" })}</Title>
        <CopyButton text={call} />
      </div>
      <Code block className={classes.call} tabIndex={0}>
        {call}
      </Code>
    </aside>
  );
}

const ICONS = { fits: IconCircleCheck, borrows: IconCircleCheck, free: IconCircleCheck, waits: IconClockHour4, never: IconAlertTriangle } as const;

function Verdict({ verdict, project, pool }: { verdict: Effect["verdict"]; project: string; pool: string }) {
  const { t } = useTranslation("runs");
  const Icon = ICONS[verdict];
  return (
    <p className={classes.verdict} data-verdict={verdict} role="status">
      <Icon size={16} aria-hidden />
      <span>{t(`submit.verdict.${verdict}`, { project, pool })}</span>
    </p>
  );
}

const inWords = (resource: Effect["resource"], amount: number): string =>
  resource === "cpu_millis" ? cores(amount) : resource === "memory_bytes" ? bytes(amount) : count(amount);

/** A bar: what others hold of the quota, then what the run would. */
function AmountLine({ effect, isKnown }: { effect: Effect; isKnown: boolean }) {
  const { t } = useTranslation("runs");
  const { resource, flavor, asks, nominal, more, reserved, verdict } = effect;
  const name = flavor || t(`submit.resource.${resource}`);
  const share = (amount: number): string => `${nominal ? Math.min(100, (amount / nominal) * 100) : 0}%`;
  return (
    <li>
      <div className={classes.line}>
        <span>{name}</span>
        <strong className="num">{inWords(resource, asks)}</strong>
      </div>
      {nominal === null ? (
        <span className="soft">{isKnown ? t("submit.noQuota") : "\u00a0"}</span>
      ) : (
        <>
          <div className={classes.track} aria-hidden>
            <span className={classes.held} style={{ width: share(reserved) }} />
            <span className={classes.asked} data-verdict={verdict} style={{ width: share(asks) }} />
          </div>
          <span className="soft">
            {t(more === 0 ? "submit.left" : "submit.leftIdle", { left: inWords(resource, Math.max(0, nominal - reserved)), nominal: inWords(resource, nominal) })}
          </span>
        </>
      )}
    </li>
  );
}
