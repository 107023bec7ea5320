import { IconZzz } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { workloadQuery } from "@/api/why";
import { Ago } from "@/components/ago";
import { useFallbackInterval } from "@/live/use-live";
import { moment } from "@/lib/format";
import classes from "./run.module.css";

/** That its GPUs do nothing, since when, and when it is stopped for that; nothing while they work. */
export function Idle({ workload: id }: { workload: string }) {
  const { t } = useTranslation("runs");
  const refetchInterval = useFallbackInterval();
  const { data: workload } = useQuery({ ...workloadQuery(id), refetchInterval });
  if (!workload?.idle_since) return null;
  return (
    <section className={classes.waiting} aria-label={t("idle.title")}>
      <IconZzz size={20} aria-hidden />
      <div>
        <p className={classes.waitingWhy}>
          <strong>{t("idle.title")}</strong> {workload.idle_stops_at ? t("idle.stops", { at: moment(workload.idle_stops_at) }) : t("idle.stays")}
        </p>
        <dl className={classes.waitingFacts}>
          <div>
            <dt>{t("idle.since")}</dt>
            <dd>
              <Ago at={workload.idle_since} />
            </dd>
          </div>
        </dl>
      </div>
    </section>
  );
}
