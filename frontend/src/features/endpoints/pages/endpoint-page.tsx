import { Alert, Tabs } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { CopyButton } from "@/components/copy-button";
import { Faces, LoadingFace } from "@/components/faces";
import { LineageGraph } from "@/components/lineage-graph";
import { LineageTrail } from "@/components/lineage-trail";
import { PageHeader } from "@/components/page-header";
import { StateBadge } from "@/components/state-badge";
import { count, value } from "@/lib/format";
import { endpointQuery, keys, type Endpoint } from "../api";
import { EndpointActions } from "../components/endpoint-actions";
import { FiguresCharts } from "../components/figures-charts";
import { FollowRevisions } from "../components/follow-revisions";
import { Health } from "../components/health";
import { Revisions } from "../components/revisions";
import { colorsOf, TrafficBar } from "../components/traffic-bar";
import { TryIt } from "../components/try-it";
import { useNews } from "../follow";
import classes from "../components/endpoints.module.css";

const route = getRouteApi("/endpoints/$endpointId");
const TABS = ["figures", "try", "revisions", "lineage"] as const;
/** Requests per second and replicas are measured, not told; read as often as a mean of them is made. */
const RENEWED = 10_000;

/** An address that answers: how it is, what it does, and a way to ask it. */
export function EndpointPage() {
  const { endpointId } = route.useParams();
  const query = useQuery({ ...endpointQuery(endpointId), refetchInterval: RENEWED });
  useNews(`endpoint.${endpointId}`, [keys.endpoint(endpointId)]);
  return (
    <Faces query={query} loading={<LoadingFace height={420} />}>
      {(endpoint) => <Shown key={endpoint.id} endpoint={endpoint} />}
    </Faces>
  );
}

function Shown({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation("endpoints");
  const { health, revisions } = endpoint;
  const serving = revisions.find(({ weight }) => weight > 0) ?? revisions[0];
  const ids = revisions.map(({ id }) => id).join(" ");
  const colors = useMemo(() => colorsOf(ids ? ids.split(" ") : []), [ids]);
  useCrumbs([{ title: t("title"), link: { to: "/endpoints" } }, { title: endpoint.name }]);
  return (
    <>
      <FollowRevisions revisions={revisions} />
      <PageHeader
        title={endpoint.name}
        badge={
          <>
            <StateBadge noun="endpoint" state={endpoint.state} />
            {health.status === "healthy" || health.status === endpoint.state ? null : <Health status={health.status} />}
          </>
        }
        lead={
          <>
            {serving ? <LineageTrail kind="revision" id={serving.id} /> : null}
            <span>{endpoint.project_name}</span>
            <span>{t("replicas", { ready: count(health.ready_replicas), wanted: count(health.wanted_replicas), count: health.wanted_replicas })}</span>
            <span>{t("rate", { value: value(endpoint.requests_per_second, 3) })}</span>
            <Ago at={endpoint.created_at} />
          </>
        }
        actions={<EndpointActions endpoint={endpoint} />}
      />
      {health.last_error ? (
        <Alert variant="outline" color={health.status === "unhealthy" ? "red" : "yellow"} mb="sm" icon={<IconAlertTriangle aria-hidden />} title={t(`health.means.${health.status}`)}>
          <span lang="en" data-said>
            {health.last_error}
          </span>{" "}
          {health.last_error_at ? <Ago at={health.last_error_at} /> : null}
        </Alert>
      ) : null}
      <div className={classes.address}>
        <span className={classes.method}>POST</span>
        <code className="cut" title={endpoint.url}>
          {endpoint.url}
        </code>
        <CopyButton text={endpoint.url} label={t("copyAddress")} />
      </div>
      <TrafficBar revisions={revisions} colors={colors} />
      <EndpointTabs endpoint={endpoint} colors={colors} version={serving?.model_version} />
    </>
  );
}

function EndpointTabs({ endpoint, colors, version }: { endpoint: Endpoint; colors: ReadonlyMap<string, string>; version: string | undefined }) {
  const { t } = useTranslation("endpoints");
  const { tab } = route.useSearch();
  const navigate = useNavigate();
  const newest = endpoint.revisions[0];
  const current = TABS.find((name) => name === tab) ?? "figures";
  const show = (next: string | null): void =>
    void navigate({ to: ".", search: (before) => ({ ...before, tab: next === "figures" ? undefined : (next ?? undefined) }), replace: true, resetScroll: false });
  return (
    <Tabs value={current} onChange={show} keepMounted={false}>
      <Tabs.List mb="md">
        {TABS.map((name) => (
          <Tabs.Tab key={name} value={name}>
            {t(`tab.${name}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="figures">
        <FiguresCharts id={endpoint.id} colors={colors} />
      </Tabs.Panel>
      <Tabs.Panel value="try">
        <TryIt endpoint={endpoint} version={version ?? ""} />
      </Tabs.Panel>
      <Tabs.Panel value="revisions">
        <Revisions endpoint={endpoint.id} />
      </Tabs.Panel>
      <Tabs.Panel value="lineage">{newest ? <LineageGraph kind="revision" id={newest.id} /> : null}</Tabs.Panel>
    </Tabs>
  );
}
