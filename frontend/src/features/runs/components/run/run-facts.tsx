import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { count, duration, NONE, value } from "@/lib/format";
import type { Run } from "../../api";
import { holdings } from "../../holdings";
import classes from "./run.module.css";

/** Parameters, results, data and what it asks for. */
export function RunFacts({ run }: { run: Run }) {
  const { t } = useTranslation("runs");
  const parameters = Object.entries(run.parameters);
  const logged = new Set(run.logged_parameters);
  const labels = Object.entries(run.labels);
  const results = Object.entries(run.result?.metrics ?? {});
  return (
    <>
      {run.result?.error?.detail && !run.state_detail.includes(run.result.error.detail) ? (
        <Facts title={t("facts.error")}>
          <p className={classes.error} lang="en">
            {run.result.error.detail}
          </p>
        </Facts>
      ) : null}
      <Facts title={t("facts.parameters")} aside={parameters.length ? <CopyButton text={JSON.stringify(run.parameters, null, 2)} label={t("facts.copyParameters")} /> : null}>
        {parameters.length ? <Pairs pairs={parameters.map(([key, each]) => [key, logged.has(key) ? <Logged key={key} text={textOf(each)} /> : textOf(each)])} mono label={t("facts.parameters")} /> : <p className="soft">{t("facts.noParameters")}</p>}
      </Facts>
      {labels.length ? (
        <Facts title={t("facts.labels")}>
          <Pairs pairs={labels} mono label={t("facts.labels")} />
        </Facts>
      ) : null}
      {results.length ? (
        <Facts title={t("facts.results")}>
          <Pairs pairs={results.map(([key, each]) => [key, value(each)])} mono label={t("facts.results")} />
        </Facts>
      ) : null}
      <Facts title={t("facts.data")}>
        <Pairs
          pairs={[
            [
              t("column.dataset"),
              run.dataset_version === null ? (
                NONE
              ) : run.dataset_name ? (
                <Link key="dataset" to="/dataset-versions/$versionId" params={{ versionId: run.dataset_version }}>
                  {run.dataset_name} v{run.dataset_version_number}
                </Link>
              ) : (
                t("hidden", { ns: "common" })
              ),
            ],
            [t("facts.asks"), run.kind === "tracked" ? NONE : holdings([run.resources], t("cpu"))],
            ...(run.count_max > 1 ? [[t("facts.members"), run.count_min === run.count_max ? count(run.count_max) : `${count(run.count_min)}–${count(run.count_max)}`] as const] : []),
            ...(run.time_limit_seconds === null ? [] : [[t("facts.timeLimit"), duration(run.time_limit_seconds)] as const]),
            ...(run.priority_class ? [[t("facts.priority"), run.priority_class] as const] : []),
            ...(run.secrets.length ? [[t("facts.secrets"), run.secrets.join(", ")] as const] : []),
            ...(run.retry_of
              ? [
                  [
                    t("facts.retryOf"),
                    <Link key="retry" to="/runs/$runId" params={{ runId: run.retry_of }} className="mono">
                      {run.retry_of.slice(-8)}
                    </Link>,
                  ] as const,
                ]
              : []),
            [t("column.created_at"), <Ago key="created" at={run.created_at} />],
            ...(run.started_at ? [[t("column.started_at"), <Ago key="started" at={run.started_at} />] as const] : []),
            ...(run.ended_at ? [[t("column.ended_at"), <Ago key="ended" at={run.ended_at} />] as const] : []),
          ]}
        />
      </Facts>
    </>
  );
}

export function Facts({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <section className={classes.facts} aria-label={title}>
      <div className={classes.factsHead}>
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}

const LONG = 14;

export function Pairs({ pairs, mono = false, label }: { pairs: readonly (readonly [string, ReactNode])[]; mono?: boolean; label?: string }) {
  const list = (
    <dl className={classes.pairs} data-mono={mono || undefined} data-said={mono || undefined}>
      {pairs.map(([key, each]) => (
        <div key={key}>
          <dt title={key}>{key}</dt>
          <dd title={typeof each === "string" ? each : undefined}>{each}</dd>
        </div>
      ))}
    </dl>
  );
  if (pairs.length <= LONG) return list;
  return (
    <div className={classes.long} tabIndex={0} role="region" aria-label={label}>
      {list}
    </div>
  );
}

/** One that the code of the run chose. */
function Logged({ text }: { text: string }) {
  const { t } = useTranslation("runs");
  return (
    <span title={text}>
      {text}{" "}
      <span className="soft" title={t("facts.loggedWhy")}>
        {t("facts.logged")}
      </span>
    </span>
  );
}

function textOf(each: unknown): string {
  if (typeof each === "number") return Number.isInteger(each) ? String(each) : value(each, 6);
  return typeof each === "string" ? each : JSON.stringify(each);
}

