import { Button, Group, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { useCrumbs } from "@/components/breadcrumbs";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { useFallbackInterval } from "@/live/use-live";
import { clustersQuery, type Cluster } from "../api";
import { ClusterCard } from "../components/cluster-card";
import { ClusterDialog } from "../components/cluster-dialog";
import { inOrder, isIll } from "../logic/order";
import classes from "../components/clusters.module.css";

const CALL = `curl -X POST $BEDPLATE_URL/api/v1/clusters -H "Authorization: Bearer $BEDPLATE_TOKEN" -H "Content-Type: application/json" \\
  -d '{"name": "gpu", "kind": "token", "server": "https://10.1.2.3:6443", "ca_pem": "…", "token": "…"}'`;

/** The Kubernetes clusters on which jobs run: how each is, and what is wrong with it. */
export function ClustersPage() {
  const { t } = useTranslation("clusters");
  const me = useMe();
  const clusters = useQuery({ ...clustersQuery, refetchInterval: useFallbackInterval() });
  const [editing, setEditing] = useState<Cluster | "new" | null>(null);
  useCrumbs([{ title: t("title") }]);
  const add = me.is_superuser ? (
    <Button leftSection={<IconPlus size={16} aria-hidden />} onClick={() => setEditing("new")}>
      {t("add")}
    </Button>
  ) : null;
  return (
    <>
      <PageHeader title={t("title")} lead={<span>{t("lead")}</span>} actions={clusters.data?.length ? add : null} />
      {editing ? <ClusterDialog cluster={editing === "new" ? null : editing} onClose={() => setEditing(null)} /> : null}
      <Faces query={clusters} loading={<LoadingFace height={200} />}>
        {(rows) =>
          rows.length ? (
            <Clusters rows={rows} mayChange={me.is_superuser} onChange={setEditing} />
          ) : (
            <Group>{me.is_superuser ? <EmptyState text={t("empty")} action={add} call={CALL} /> : <EmptyState text={t("emptyReader")} />}</Group>
          )
        }
      </Faces>
    </>
  );
}

/** So many are seen at a glance; of more, one is found by its name. */
const FEW = 5;

function Clusters({ rows, mayChange, onChange }: { rows: readonly Cluster[]; mayChange: boolean; onChange: (cluster: Cluster) => void }) {
  const { t } = useTranslation("clusters");
  const [wanted, setWanted] = useState("");
  const shown = inOrder(rows).filter(({ name }) => name.includes(wanted.trim().toLowerCase()));
  const ill = rows.filter(isIll).length;
  return (
    <>
      {mayChange ? null : <p className="soft">{t("onlyAdmins")}</p>}
      {rows.length > FEW ? (
        <div className={classes.head}>
          <TextInput type="search" aria-label={t("find")} placeholder={t("find")} value={wanted} onChange={(event) => setWanted(event.currentTarget.value)} />
          {ill ? <span className="soft">{t("ill", { ill, count: rows.length })}</span> : null}
          {shown.length ? null : <span role="status">{t("foundNone")}</span>}
        </div>
      ) : null}
      <ul className={classes.list}>
        {shown.map((cluster) => (
          <li key={cluster.id}>
            <ClusterCard cluster={cluster} mayChange={mayChange} onChange={() => onChange(cluster)} />
          </li>
        ))}
      </ul>
    </>
  );
}
