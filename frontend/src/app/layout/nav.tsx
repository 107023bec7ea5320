import { ActionIcon, Tooltip } from "@mantine/core";
import {
  IconApi,
  IconChartLine,
  IconDatabase,
  IconGauge,
  IconLayoutSidebarLeftCollapse,
  IconLayoutSidebarLeftExpand,
  IconPackage,
  IconPlugConnected,
  IconServer2,
  IconSettings,
  IconShieldLock,
  type TablerIcon,
} from "@tabler/icons-react";
import { Link, useRouterState } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Wordmark } from "./wordmark";
import classes from "./nav.module.css";

/** `parts`: first parts of the addresses that belong to a place. */
const PLACES = [
  { to: "/", word: "overview", icon: IconGauge, parts: [""] },
  { to: "/datasets", word: "datasets", icon: IconDatabase, parts: ["datasets", "dataset-versions", "dataset-jobs", "ingestion-schedules"] },
  { to: "/runs", word: "runs", icon: IconChartLine, parts: ["runs"] },
  { to: "/models", word: "models", icon: IconPackage, parts: ["models", "model-versions"] },
  { to: "/endpoints", word: "endpoints", icon: IconPlugConnected, parts: ["endpoints"] },
  { to: "/quotas", word: "quotas", icon: IconServer2, parts: ["quotas", "workloads", "what-if", "clusters"] },
  { to: "/access", word: "access", icon: IconShieldLock, parts: ["access"] },
] as const;

export function Nav({ collapsed, onToggle }: { collapsed: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const part = useRouterState({ select: ({ location }) => location.pathname.split("/")[1] ?? "" });
  const toggle = collapsed ? t("nav.expand") : t("nav.collapse");
  return (
    <nav className={classes.nav} aria-label={t("nav.label")}>
      <Link to="/" className={classes.home} aria-label="Bedplate">
        <Wordmark glyphOnly={collapsed} />
      </Link>
      <ul className={classes.list}>
        {PLACES.map(({ to, word, icon, parts }) => (
          <li key={to}>
            <Tooltip label={t(`nav.${word}`)} position="right" disabled={!collapsed}>
              <Link to={to} className={classes.link} data-active={(parts as readonly string[]).includes(part) || undefined}>
                <Entry icon={icon} word={t(`nav.${word}`)} collapsed={collapsed} />
              </Link>
            </Tooltip>
          </li>
        ))}
      </ul>
      <ul className={classes.list} data-foot>
        {me.is_staff ? (
          <li>
            <a className={classes.link} href="/admin/">
              <Entry icon={IconSettings} word={t("nav.admin")} collapsed={collapsed} />
            </a>
          </li>
        ) : null}
        <li>
          <a className={classes.link} href="/api/v1/docs/">
            <Entry icon={IconApi} word={t("nav.api")} collapsed={collapsed} />
          </a>
        </li>
        <li className={classes.toggle}>
          <ActionIcon aria-label={toggle} title={toggle} onClick={onToggle}>
            {collapsed ? <IconLayoutSidebarLeftExpand size={18} aria-hidden /> : <IconLayoutSidebarLeftCollapse size={18} aria-hidden />}
          </ActionIcon>
        </li>
      </ul>
    </nav>
  );
}

function Entry({ icon: Icon, word, collapsed }: { icon: TablerIcon; word: string; collapsed: boolean }) {
  return (
    <>
      <Icon size={18} stroke={1.75} aria-hidden />
      <span className={collapsed ? "visually-hidden" : undefined}>{word}</span>
    </>
  );
}
