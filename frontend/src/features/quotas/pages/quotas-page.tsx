import { Select, Tabs } from "@mantine/core";
import { IconArrowsSplit2, IconHierarchy3 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { poolMapQuery, poolsQuery } from "@/api/pools";
import { useCrumbs } from "@/components/breadcrumbs";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { PoolMap } from "@/components/pool-map";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { Budgets } from "../components/budgets";
import { ClusterNote } from "../components/cluster-note";
import { PoolHistory } from "../components/pool-history";
import { PoolQueue } from "../components/pool-queue";
import { SharingTree } from "../components/sharing-tree";
import { UsageReport } from "../components/usage-report";
import { UsageTable } from "../components/usage-table";

const TABS = ["map", "queue", "sharing", "usage", "budgets", "report", "history"] as const;
type Tab = (typeof TABS)[number];

/** A pool: who holds what, who waits and why, what each project may have, what was used. */
export function QuotasPage() {
  const { t } = useTranslation("quotas");
  const search = useSearch({ from: "/quotas" });
  const navigate = useNavigate();
  const me = useMe();
  const pools = useQuery(poolsQuery);
  const pool = pools.data?.find(({ id }) => id === search.pool) ?? pools.data?.[0];
  const tab: Tab = search.tab ?? "map";
  useCrumbs([{ title: t("title") }]);
  useLiveRefresh(pool ? `pool.${pool.id}` : null, pool ? [["pool", pool.id, "map"], ["pool", pool.id, "line"], ["pool", pool.id, "usage"], ["pool", pool.id, "tree"], ["pools"]] : []);
  const go = (change: { tab?: Tab; pool?: string }): void => void navigate({ to: "/quotas", search: { ...search, ...change } });
  const choices = (pools.data ?? []).map(({ id, name }) => ({ value: id, label: name }));
  return (
    <>
      <PageHeader
        title={pool ? t("titleOf", { pool: pool.name }) : t("title")}
        lead={<span>{t("lead")}</span>}
        actions={
          <>
            {choices.length > 1 ? <Select aria-label={t("pool")} data={choices} value={pool?.id ?? null} onChange={(id) => id && go({ pool: id })} allowDeselect={false} w={220} searchable /> : null}
            {me.is_superuser ? (
              <LinkButton to="/clusters" variant="default" leftSection={<IconHierarchy3 size={16} aria-hidden />}>
                {t("cluster.list")}
              </LinkButton>
            ) : null}
            {me.is_superuser && pool ? (
              <LinkButton to="/what-if" search={{ pool: pool.id }} variant="default" leftSection={<IconArrowsSplit2 size={16} aria-hidden />}>
                {t("whatIf.open")}
              </LinkButton>
            ) : null}
          </>
        }
      />
      <Faces query={pools} loading={<LoadingFace height={240} />}>
        {() =>
          pool ? (
            <>
              {pool.cluster ? <ClusterNote cluster={pool.cluster} /> : null}
              <Tabs value={tab} onChange={(value) => go({ tab: TABS.find((each) => each === value) ?? "map" })} keepMounted={false}>
                <Tabs.List mb={16}>
                  {TABS.map((each) => (
                    <Tabs.Tab key={each} value={each}>
                      {t(`tab.${each}`)}
                    </Tabs.Tab>
                  ))}
                </Tabs.List>
                <Tabs.Panel value="map">
                  <MapTab pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="queue">
                  <PoolQueue pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="sharing">
                  <SharingTree pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="usage">
                  <UsageTable pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="budgets">
                  <Budgets pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="report">
                  <UsageReport pool={pool.id} />
                </Tabs.Panel>
                <Tabs.Panel value="history">
                  <PoolHistory pool={pool.id} />
                </Tabs.Panel>
              </Tabs>
            </>
          ) : (
            <EmptyState text={t("noPool")} />
          )
        }
      </Faces>
    </>
  );
}

function MapTab({ pool }: { pool: string }) {
  const map = useQuery({ ...poolMapQuery(pool), refetchInterval: useFallbackInterval() });
  return (
    <Faces query={map} loading={<LoadingFace height={240} />}>
      {(data) => <PoolMap map={data} />}
    </Faces>
  );
}
