import { Alert } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import type { components } from "@/api/schema.gen";
import { Ago } from "@/components/ago";

type Health = components["schemas"]["ClusterHealth"];

/** Of a pool whose machines are a Kubernetes cluster: which, and what is wrong with it, if anything is. */
export function ClusterNote({ cluster }: { cluster: Health }) {
  const { t } = useTranslation("quotas");
  const link = <Link to="/clusters">{t("cluster.open", { name: cluster.name })}</Link>;
  if (cluster.healthy || cluster.checked_at === null) return <p className="soft">{link}</p>;
  const [first, ...more] = cluster.problems;
  return (
    <Alert color="red" variant="outline" icon={<IconAlertTriangle aria-hidden />} title={t("cluster.ill", { name: cluster.name })} mb={16}>
      {first ? <p lang="en">{first.detail}</p> : null}
      {more.length ? <p>{t("cluster.more", { count: more.length })}</p> : null}
      <p className="soft">
        {t("cluster.checked")} <Ago at={cluster.checked_at} />. {t("cluster.lastWell")} {cluster.healthy_at ? <Ago at={cluster.healthy_at} /> : t("cluster.never")}. {t("cluster.effect")}
      </p>
      {link}
    </Alert>
  );
}
