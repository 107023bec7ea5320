import { useQueries, useQuery } from "@tanstack/react-query";
import { Link, type LinkProps } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { poolHistoryQuery, workloadSummaryQuery } from "@/api/pools";
import type { components } from "@/api/schema.gen";
import { ErrorFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { Sparkline } from "@/components/sparkline";
import { bytes, cores, count, percent } from "@/lib/format";
import { useFallbackInterval } from "@/live/use-live";
import { endpointSummaryQuery, runSummaryQuery } from "../api";
import classes from "./figures.module.css";

type Schemas = components["schemas"];
type Capacity = Schemas["Capacity"];

interface Props {
  project: string | undefined;
  pools: readonly Schemas["Pool"][];
}

/** Four figures: in use, waiting, failed, endpoints. */
export function Figures({ project, pools }: Props) {
  const { t } = useTranslation(["overview", "states"]);
  const refetchInterval = useFallbackInterval();
  const work = useQuery({ ...workloadSummaryQuery(project), refetchInterval });
  const runs = useQuery({ ...runSummaryQuery(project), refetchInterval });
  const endpoints = useQuery({ ...endpointSummaryQuery(project), refetchInterval });
  const failure = [work, runs, endpoints].find((query) => query.error && query.data === undefined);
  if (failure) return <ErrorFace error={failure.error} onRetry={() => void failure.refetch()} />;
  const unwell = endpoints.data ? endpoints.data.unhealthy + endpoints.data.degraded : undefined;
  return (
    <div className={classes.figures}>
      <InUse capacity={work.data?.capacity} pools={pools} project={project} />
      <Figure title={t("waiting")} value={work.data?.waiting_total} tone={work.data?.waiting_total ? "waiting" : undefined} link={{ to: "/quotas", search: { tab: "queue" } }}>
        {work.data?.waiting.map(({ reason, count: n }) => (
          <li key={reason}>
            <span className="cut">{reason ? <Reason reason={reason} /> : t("notYetLooked")}</span>
            <span className="num">{count(n)}</span>
          </li>
        ))}
      </Figure>
      <Figure title={t("failed")} value={runs.data?.failed_last_24_hours} tone={runs.data?.failed_last_24_hours ? "failed" : undefined} link={{ to: "/runs", search: { state: ["failed"] } }}>
        {runs.data ? (
          <>
            <Line word={t("run.running", { ns: "states" })} n={runs.data.by_state.running} />
            <Line word={t("run.succeeded", { ns: "states" })} n={runs.data.by_state.succeeded} />
            <Line word={t("allRuns")} n={runs.data.total} />
          </>
        ) : null}
      </Figure>
      <Figure title={t("endpointsUnwell")} value={unwell} tone={unwell ? "failed" : undefined} link={{ to: "/endpoints" }}>
        {endpoints.data ? (
          <>
            <Line word={t("healthy")} n={endpoints.data.healthy} />
            <Line word={t("endpoint.loading", { ns: "states" })} n={endpoints.data.loading} />
            <Line word={t("allEndpoints")} n={endpoints.data.total} />
          </>
        ) : null}
      </Figure>
    </div>
  );
}

interface FigureProps {
  title: string;
  value: number | undefined;
  tone?: "waiting" | "failed" | undefined;
  link: Pick<LinkProps, "to" | "search">;
  children?: ReactNode;
}

function Figure({ title, value, tone, link, children }: FigureProps) {
  return (
    <section className={classes.figure}>
      <h2>
        <Link {...(link as LinkProps)}>{title}</Link>
      </h2>
      <p className={classes.value} data-tone={tone}>
        {value === undefined ? "…" : count(value)}
      </p>
      <ul className={classes.lines}>{children}</ul>
    </section>
  );
}

const Line = ({ word, n }: { word: string; n: number }) => (
  <li>
    <span className="cut">{word}</span>
    <span className="num">{count(n)}</span>
  </li>
);

const amount = (resource: string, value: number): string => (resource === "memory_bytes" ? bytes(value) : resource === "cpu_millis" ? cores(value) : count(value));

/** In use of what there is, by kind of hardware, with the last week's line. */
function InUse({ capacity, pools, project }: { capacity: Capacity[] | undefined; pools: Props["pools"]; project: string | undefined }) {
  const { t } = useTranslation("overview");
  const histories = useQueries({ queries: pools.map(({ id }) => poolHistoryQuery(id)) });
  const order = ["gpus", "cpu_millis", "memory_bytes"];
  const shown = [...(capacity ?? [])].sort((a, b) => order.indexOf(a.resource) - order.indexOf(b.resource));
  const week = (kind: Capacity): number[] => {
    const sums: number[] = [];
    for (const { data } of histories)
      for (const series of data?.series ?? [])
        if (series.resource === kind.resource && series.flavor === kind.flavor) series.reserved.forEach((value, at) => (sums[at] = (sums[at] ?? 0) + value));
    return sums;
  };
  return (
    <section className={classes.figure} data-wide>
      <h2>
        <Link to="/quotas">{t("inUse")}</Link>
      </h2>
      <table className={classes.uses}>
        <caption className="visually-hidden">{t("inUse")}</caption>
        <tbody>
          {shown.map((kind) => {
            const held = project ? kind.own_reserved : kind.reserved;
            const word = kind.resource === "gpus" ? kind.flavor || t("gpu") : t(kind.resource === "cpu_millis" ? "cpu" : "memory");
            return (
              <tr key={`${kind.resource} ${kind.flavor}`} className={kind.simulated ? "hatched" : undefined}>
                <th scope="row">
                  {word}
                  {kind.simulated ? <span className="soft"> {t("simulated", { ns: "common" })}</span> : null}
                </th>
                <td className="num">{t("of", { used: amount(kind.resource, held), all: amount(kind.resource, kind.capacity) })}</td>
                <td className="num soft">{kind.capacity ? percent(held / kind.capacity) : ""}</td>
                <td>
                  <Sparkline values={week(kind)} label={t("week", { what: word })} zero width={88} height={20} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}
