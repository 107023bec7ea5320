import { useQueries, useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { poolMapQuery, poolsQuery } from "@/api/pools";
import { useCrumbs } from "@/components/breadcrumbs";
import { Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { PoolMap } from "@/components/pool-map";
import { useProject } from "@/lib/permissions";
import { useProjectName } from "@/lib/search";
import { Figures } from "../components/figures";
import { MyWork } from "../components/my-work";
import { NeedsYou } from "../components/needs-you";
import { OverviewLive } from "../components/overview-live";
import { RunningNow } from "../components/running-now";
import { FirstSteps } from "../components/first-steps";
import classes from "./overview-page.module.css";

/** What runs, what is stuck and why, is anything wrong. */
export function OverviewPage() {
  const { t } = useTranslation("overview");
  const { projects } = useMe();
  const name = useProjectName();
  const project = useProject();
  const pools = useQuery(poolsQuery);
  useCrumbs([{ title: t("title") }]);
  return (
    <>
      <PageHeader title={project ? project.title || project.name : t("title")} lead={<span>{project ? t("leadProject") : t("lead")}</span>} />
      {projects.length ? null : <FirstSteps />}
      {name && !project ? <p className="soft">{t("unknownProject", { name })}</p> : null}
      <OverviewLive pools={(pools.data ?? []).map(({ id }) => id)} />
      <Figures project={project?.id} pools={pools.data ?? []} />
      <div className={classes.pair}>
        <NeedsYou project={project?.id} />
        <RunningNow project={project?.id} />
      </div>
      <MyWork project={project?.id} />
      <Faces query={pools} loading={<LoadingFace height={180} />}>
        {(found) => <Maps pools={found.map(({ id }) => id)} />}
      </Faces>
    </>
  );
}

function Maps({ pools }: { pools: string[] }) {
  const { t } = useTranslation("overview");
  const maps = useQueries({ queries: pools.map((id) => poolMapQuery(id)) });
  return maps.map((map, index) => (
    <section key={pools[index]} aria-label={t("pool", { name: map.data?.pool_name ?? "" })} className={classes.section}>
      <h2>{t("pool", { name: map.data?.pool_name ?? "" })}</h2>
      <Faces query={map} loading={<LoadingFace height={140} />}>
        {(data) => <PoolMap map={data} />}
      </Faces>
    </section>
  ));
}
