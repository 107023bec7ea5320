import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { unitOf } from "../logic/origins";
import type { Schedule } from "../schedules-api";

/** When a schedule comes, in words: `every 2 hours`, `30 5 * * 1-5, Europe/Berlin`. */
export function useWords(): (schedule: Pick<Schedule, "cron" | "every_seconds" | "time_zone">) => string {
  const { t } = useTranslation("datasets");
  return useCallback(
    ({ cron, every_seconds: seconds, time_zone: zone }) => {
      if (!seconds) return t("schedule.cron", { cron, zone });
      const { number, unit } = unitOf(seconds);
      return t(`schedule.every.${unit}`, { count: number, n: number });
    },
    [t],
  );
}
