import { IconClockHour4 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Reason } from "@/components/reason";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { count } from "@/lib/format";
import { workloadKey, workloadQuery, type Run } from "../../api";
import { holdings } from "../../holdings";
import classes from "./run.module.css";

/** Why a run waits, at which place, since when, for what. */
export function Waiting({ run, workload: id }: { run: Run; workload: string }) {
  const { t } = useTranslation("runs");
  const refetchInterval = useFallbackInterval();
  const { data: workload } = useQuery({ ...workloadQuery(id), refetchInterval });
  // The place in the line changes with what is ahead, and nothing happens to this workload then.
  useLiveRefresh(workload ? `pool.${workload.pool}` : null, [workloadKey(id)]);
  const place = workload?.place;
  return (
    <section className={classes.waiting} aria-label={t("waiting.title")}>
      <IconClockHour4 size={20} aria-hidden />
      <div>
        <p className={classes.waitingWhy}>
          <Reason sentenceOnly={Boolean(workload?.state_detail ?? run.state_detail)} reason={workload?.state_reason ?? run.state_reason} detail={workload?.state_detail ?? run.state_detail} message={workload?.state_message ?? run.state_message} />
        </p>
        {(workload?.state_reason ?? run.state_reason) === "quality_blocked" ? (
          <p>
            <Link to="/dataset-versions/$versionId" params={{ versionId: run.dataset_version }} search={{ tab: "quality" }}>
              {t("waiting.toVersion")}
            </Link>
          </p>
        ) : null}
        <dl className={classes.waitingFacts}>
          {place ? (
            <div>
              <dt>{t("waiting.place")}</dt>
              <dd>{place.position === 1 ? t("waiting.first") : t("waiting.ahead", { position: count(place.position), count: place.position - 1, n: count(place.position - 1) })}</dd>
            </div>
          ) : null}
          {place && place.queue_position !== place.position ? (
            <div>
              <dt>{t("waiting.inProject")}</dt>
              <dd>{count(place.queue_position)}</dd>
            </div>
          ) : null}
          <div>
            <dt>{t("waiting.since")}</dt>
            <dd>
              <Ago at={place?.since ?? workload?.state_at ?? run.state_at} />
            </dd>
          </div>
          {workload ? (
            <div>
              <dt>{t("waiting.asks")}</dt>
              <dd>{holdings([{ ...workload, count_granted: workload.count_max }], t("cpu"))}</dd>
            </div>
          ) : null}
          {workload ? (
            <div>
              <dt>{t("waiting.pool")}</dt>
              <dd>
                <Link to="/quotas" search={{ tab: "queue", pool: workload.pool } as never}>
                  {t("waiting.queueOf", { pool: workload.pool_name })}
                </Link>
              </dd>
            </div>
          ) : null}
        </dl>
      </div>
    </section>
  );
}
