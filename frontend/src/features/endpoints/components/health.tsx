import { IconAlertTriangle, IconCircleCheck, IconCircleDashed, IconCircleX, IconLoader, type TablerIcon } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Endpoint } from "../api";
import classes from "./endpoints.module.css";

type Status = Endpoint["health"]["status"];

const LOOKS: Readonly<Record<Status, { icon: TablerIcon; tone: string }>> = {
  healthy: { icon: IconCircleCheck, tone: "succeeded" },
  degraded: { icon: IconAlertTriangle, tone: "waiting" },
  unhealthy: { icon: IconCircleX, tone: "failed" },
  loading: { icon: IconLoader, tone: "running" },
  stopped: { icon: IconCircleDashed, tone: "cancelled" },
};

/** How an endpoint is, as colour, icon and word. */
export function Health({ status }: { status: Status }) {
  const { t } = useTranslation("endpoints");
  const { icon: Icon, tone } = LOOKS[status];
  return (
    <span className={classes.health} data-tone={tone} title={t(`health.means.${status}`)}>
      <Icon size={14} aria-hidden />
      {t(`health.${status}`)}
    </span>
  );
}
