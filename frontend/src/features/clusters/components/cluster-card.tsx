import { Button, Group, Title } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPencil, IconRefresh, IconServer2, IconTrash } from "@tabler/icons-react";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { ErrorDetails } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { StateBadge } from "@/components/state-badge";
import { useLiveRefresh } from "@/live/use-live";
import { clustersQuery, useCheckCluster, useRemoveCluster, type Cluster } from "../api";
import { ClusterProblems } from "./cluster-problems";
import classes from "./clusters.module.css";

const LIST = [clustersQuery.queryKey];

/** One cluster: where it is, how it was when asked last, what is wrong; who may, does something about it. */
export function ClusterCard({ cluster, mayChange, onChange }: { cluster: Cluster; mayChange: boolean; onChange: () => void }) {
  const { t } = useTranslation("clusters");
  useLiveRefresh(`cluster.${cluster.id}`, LIST);
  const health = cluster.checked_at === null ? "unseen" : cluster.healthy ? "well" : "ill";
  const prefix = { prefix: cluster.namespace_prefix };
  return (
    <section className={classes.card} aria-labelledby={`cluster-${cluster.id}`}>
      <Group justify="space-between" align="start">
        <Group gap="sm">
          <Title order={2} id={`cluster-${cluster.id}`} className={classes.name}>
            {cluster.name}
          </Title>
          <StateBadge noun="cluster" state={health} />
        </Group>
        <Verbs cluster={cluster} mayChange={mayChange} onChange={onChange} />
      </Group>
      <dl className={classes.facts}>
        <Fact name={t("server")}>{cluster.server ? <span className="mono">{cluster.server}</span> : t("inCluster")}</Fact>
        <Fact name={t("version")}>{cluster.version || t("versionUnknown")}</Fact>
        <Fact name={t("checked")}>
          <Ago at={cluster.checked_at} />
        </Fact>
        {health === "ill" ? <Fact name={t("healthySince")}>{cluster.healthy_at ? <Ago at={cluster.healthy_at} /> : t("never")}</Fact> : null}
        <Fact name={t("namespaces")}>{t(cluster.makes_namespaces ? "namespacesMade" : "namespacesGiven", prefix)}</Fact>
        {cluster.credentials_at ? (
          <Fact name={t("credentials")}>
            <Ago at={cluster.credentials_at} />
          </Fact>
        ) : null}
      </dl>
      <ClusterProblems problems={cluster.problems} />
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Verbs({ cluster, mayChange, onChange }: { cluster: Cluster; mayChange: boolean; onChange: () => void }) {
  const { t } = useTranslation("clusters");
  const { name } = cluster;
  const [removing, setRemoving] = useState(false);
  const check = useCheckCluster();
  const remove = useRemoveCluster();
  const ask = (): void => check.mutate(cluster.id, { onSuccess: () => void notifications.show({ title: t("checking", { name }), message: t("checkingSaid") }) });
  return (
    <div className={classes.verbs}>
      <Group gap="xs" justify="flex-end">
        {cluster.pool ? (
          <LinkButton to="/quotas" search={{ pool: cluster.pool }} variant="default" size="xs" aria-label={t("poolOf", { name })} leftSection={<IconServer2 size={14} aria-hidden />}>
            {t("pool")}
          </LinkButton>
        ) : null}
        {mayChange ? (
          <>
            <Button variant="default" size="xs" aria-label={t("checkOf", { name })} leftSection={<IconRefresh size={14} aria-hidden />} loading={check.isPending} onClick={ask}>
              {t("check")}
            </Button>
            <Button variant="default" size="xs" aria-label={t("changeOf", { name })} leftSection={<IconPencil size={14} aria-hidden />} onClick={onChange}>
              {t("change")}
            </Button>
            <Button variant="default" size="xs" aria-label={t("removeOf", { name })} leftSection={<IconTrash size={14} aria-hidden />} onClick={() => setRemoving(true)}>
              {t("remove")}
            </Button>
          </>
        ) : null}
      </Group>
      {check.error ? <ErrorDetails error={check.error} /> : null}
      <ConfirmDialog opened={removing} onClose={() => setRemoving(false)} title={t("removeTitle", { name })} verb={t("removeVerb")} onConfirm={() => remove.mutateAsync(cluster.id)}>
        {t("removeEffect")}
      </ConfirmDialog>
    </div>
  );
}
