import { ActionIcon, Indicator, Popover } from "@mantine/core";
import { IconBell } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { NOTICES_MOST, noticesQuery } from "@/api/notices";
import { Ago } from "@/components/ago";
import { Faces } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { useSeenAt } from "@/lib/seen";
import { LiveRefresh } from "@/live/live-refresh";
import { useFallbackInterval } from "@/live/use-live";
import classes from "./bell.module.css";

/** What wants the reader: approvals to decide, failures. A number until it was looked at. */
export function Bell() {
  const { t } = useTranslation();
  const { projects } = useMe();
  const [opened, setOpened] = useState(false);
  const [seenAt, see] = useSeenAt();
  const notices = useQuery({ ...noticesQuery, refetchInterval: useFallbackInterval(30_000) });
  const waiting = notices.data?.approvals ?? [];
  const failed = notices.data?.failed ?? [];
  const unseen = waiting.length + failed.filter(({ state_at }) => state_at > seenAt).length;
  const isMore = Math.max(waiting.length, failed.length) >= NOTICES_MOST;
  const toggle = (): void => {
    if (!opened) void notices.refetch();
    else see(new Date().toISOString());
    setOpened(!opened);
  };
  const name = unseen ? t("notices.some", { count: unseen }) : t("top.notifications");
  return (
    <>
      <LiveRefresh subjects={projects.slice(0, FOLLOWED_MOST).map(({ id }) => `project.${id}`)} keys={NOTICES} waitMs={1_500} />
      <Popover opened={opened} onChange={(open) => !open && toggle()} position="bottom-end" width={380} trapFocus returnFocus>
        <Indicator label={`${unseen}${isMore ? "+" : ""}`} disabled={!unseen} size={15} color="red.8" offset={4}>
          <Popover.Target>
            <ActionIcon aria-label={name} title={name} onClick={toggle}>
              <IconBell size={18} aria-hidden />
            </ActionIcon>
          </Popover.Target>
        </Indicator>
        <Popover.Dropdown p={0} aria-label={t("top.notifications")}>
          <Faces query={notices}>
            {() => (
              <div className={classes.list} tabIndex={0}>
                <h2 className={classes.head}>{t("notices.approvals")}</h2>
                {waiting.map((approval) => (
                  <Link key={approval.id} to="/access" search={{ tab: "approvals", approval: approval.id }} className={classes.item} onClick={toggle}>
                    <StateBadge noun="approval" state={approval.state} iconOnly />
                    <span className={classes.text}>
                      <span className="cut">{t("notices.asks", { name: approval.requested_by.username, command: approval.command })}</span>
                      <span className="soft">{approval.project_name}</span>
                    </span>
                    <Ago at={approval.created_at} />
                  </Link>
                ))}
                {waiting.length ? null : <p className={classes.none}>{t("notices.noApprovals")}</p>}
                <h2 className={classes.head}>{t("notices.failures")}</h2>
                {failed.map((run) => (
                  <Link key={run.id} to="/runs/$runId" params={{ runId: run.id }} className={classes.item} onClick={toggle} data-new={run.state_at > seenAt || undefined}>
                    <StateBadge noun="run" state={run.state} iconOnly />
                    <span className={classes.text}>
                      <span className="cut">{run.name}</span>
                      <span className="soft cut">
                        <Reason reason={run.state_reason} />
                      </span>
                    </span>
                    <Ago at={run.state_at} />
                  </Link>
                ))}
                {failed.length ? null : <p className={classes.none}>{t("notices.noFailures")}</p>}
              </div>
            )}
          </Faces>
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

/** At most so many projects are followed for the bell; with more, it is read when it is opened and every half minute. */
const FOLLOWED_MOST = 40;
const NOTICES = [noticesQuery.queryKey];
