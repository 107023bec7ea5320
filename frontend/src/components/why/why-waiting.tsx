import { IconClockHour4 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { whyQuery, workloadKey, workloadQuery, type Why } from "@/api/why";
import { Ago } from "@/components/ago";
import { ErrorFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { bytes, cores, count } from "@/lib/format";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import type { components } from "@/api/schema.gen";
import { Needs } from "./needs-list";
import { Expected } from "./expected";
import { PastEstimates } from "./past-estimates";
import classes from "./why.module.css";

type Workload = components["schemas"]["WorkloadDetail"];

interface Props {
  workload: string;
  /** Until the workload has been read: what its owner says of itself. */
  fallback?: { reason: string; detail: string; message: Why["message"] } | undefined;
  /** Behind the reason: where to go for what it waits for. */
  children?: ReactNode;
}

/** The line moves with everything in its pool: what is read of it is not read for each. */
const PATIENCE_MS = 2_000;

/** Why something waits, at which place, what would have to change, and until when. */
export function WhyWaiting({ workload: id, fallback, children }: Props) {
  const { t } = useTranslation("why");
  const refetchInterval = useFallbackInterval();
  const why = useQuery({ ...whyQuery(id), refetchInterval });
  const { data: workload } = useQuery({ ...workloadQuery(id), refetchInterval });
  useLiveRefresh(`workload.${id}`, [workloadKey(id)]);
  // The place in the line changes with what is ahead, and nothing happens to this workload then.
  useLiveRefresh(workload ? `pool.${workload.pool}` : null, [workloadKey(id)], PATIENCE_MS);
  const said = why.data ?? fallback;
  return (
    <section className={classes.panel} aria-label={t("title")}>
      <IconClockHour4 size={20} aria-hidden />
      <div className={classes.body}>
        <p className={classes.headline}>
          {said ? <Reason sentenceOnly={Boolean(said.detail)} reason={said.reason} detail={said.detail} message={said.message} /> : null} {children}
          <ToHold why={why.data} project={workload?.project_name} />
        </p>
        {why.error && !why.data ? <ErrorFace error={why.error} onRetry={() => void why.refetch()} /> : null}
        {why.data ? <Known why={why.data} project={workload?.project_name ?? ""} /> : null}
        <Facts place={why.data?.place ?? null} workload={workload} />
        {why.data ? <PastEstimates why={why.data} /> : null}
      </div>
    </section>
  );
}

function Known({ why, project }: { why: Why; project: string }) {
  const { t } = useTranslation("why");
  if (why.state !== "pending") return <p>{t("starting")}</p>;
  if (why.never) {
    return (
      <p className={classes.never} role="alert">
        <strong>{t("never")}</strong> <Reason sentenceOnly reason={why.never.reason} detail={why.never.detail} message={why.never.message} />
      </p>
    );
  }
  return (
    <div className={classes.columns}>
      <Expected why={why} />
      <Needs why={why} project={project} />
    </div>
  );
}

/** Where somebody decides on what holds it back. */
function ToHold({ why, project }: { why: Why | undefined; project: string | undefined }) {
  const { t } = useTranslation("why");
  const search = project ? { project } : {};
  if (why?.reason === "waiting_for_approval") {
    return (
      <Link to="/access" search={{ ...search, tab: "approvals" }}>
        {t("toApprovals")}
      </Link>
    );
  }
  if (why?.reason === "budget_exhausted") {
    return (
      <Link to="/quotas" search={{ ...search, tab: "budgets" }}>
        {t("toBudgets")}
      </Link>
    );
  }
  return null;
}

function Facts({ place, workload }: { place: Why["place"]; workload: Workload | undefined }) {
  const { t } = useTranslation("why");
  const asks = useAsks();
  if (!workload) return null;
  return (
    <dl className={classes.facts}>
      {place ? (
        <div>
          <dt>{t("place")}</dt>
          <dd>{place.position === 1 ? t("first") : t("ahead", { position: count(place.position), count: place.position - 1, n: count(place.position - 1) })}</dd>
        </div>
      ) : null}
      {place && place.queue_position !== place.position ? (
        <div>
          <dt>{t("inProject")}</dt>
          <dd>{count(place.queue_position)}</dd>
        </div>
      ) : null}
      <div>
        <dt>{t("since")}</dt>
        <dd>
          <Ago at={place?.since ?? workload.state_at} />
        </dd>
      </div>
      <div>
        <dt>{t("asks")}</dt>
        <dd>{asks(workload)}</dd>
      </div>
      <div>
        <dt>{t("pool")}</dt>
        <dd>
          <Link to="/quotas" search={{ tab: "queue", pool: workload.pool }}>
            {t("queueOf", { pool: workload.pool_name })}
          </Link>
        </dd>
      </div>
    </dl>
  );
}

/** All that it asks for: `2 × H200, 8 cores, 32 GiB`; of several members that of each. */
function useAsks(): (workload: Workload) => string {
  const { t } = useTranslation("why");
  return (workload) => {
    const { gpus, flavor, cpu_millis, memory_bytes, count_min, count_max } = workload;
    const device = gpus ? [`${count(gpus)} × ${flavor || t("gpu")}`] : [];
    const one = [...device, t("cores", { count: cpu_millis / 1000, n: cores(cpu_millis) }), bytes(memory_bytes)].join(t("comma"));
    const most = count_max ?? 1;
    const least = count_min ?? 1;
    if (most <= 1) return one;
    return least === most ? t("members", { n: count(most), one }) : t("membersBetween", { least: count(least), most: count(most), one });
  };
}
