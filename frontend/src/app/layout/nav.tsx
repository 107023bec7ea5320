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
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Wordmark } from "./wordmark";
import classes from "./nav.module.css";

const PLACES = [
  { to: "/", word: "overview", icon: IconGauge },
  { to: "/datasets", word: "datasets", icon: IconDatabase },
  { to: "/runs", word: "runs", icon: IconChartLine },
  { to: "/models", word: "models", icon: IconPackage },
  { to: "/endpoints", word: "endpoints", icon: IconPlugConnected },
  { to: "/quotas", word: "quotas", icon: IconServer2 },
  { to: "/access", word: "access", icon: IconShieldLock },
] as const;

export function Nav({ collapsed, onToggle }: { collapsed: boolean; onToggle: () => void }) {
  const { t } = useTranslation();
  const me = useMe();
  const toggle = collapsed ? t("nav.expand") : t("nav.collapse");
  return (
    <nav className={classes.nav} aria-label={t("nav.label")}>
      <Link to="/" className={classes.home} aria-label="Bedplate">
        <Wordmark glyphOnly={collapsed} />
      </Link>
      <ul className={classes.list}>
        {PLACES.map(({ to, word, icon }) => (
          <li key={to}>
            <Tooltip label={t(`nav.${word}`)} position="right" disabled={!collapsed}>
              <Link to={to} className={classes.link} activeProps={{ "data-active": true }} activeOptions={{ exact: to === "/", includeSearch: false }}>
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
