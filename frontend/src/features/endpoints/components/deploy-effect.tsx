import { Code } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/copy-button";
import { count } from "@/lib/format";
import type { Endpoint, ModelVersion } from "../api";
import classes from "./endpoints.module.css";

interface Props {
  /** That gets its next revision; null: a new one, of this name. */
  endpoint: Endpoint | null;
  name: string;
  version: ModelVersion | undefined;
  replicas: number;
  call: string;
}

/** What deploying would do, and the same as a call. */
export function DeployEffect({ endpoint, name, version, replicas, call }: Props) {
  const { t } = useTranslation("endpoints");
  const model = version ? `${version.model_name} v${version.number}` : t("deploy.theModel");
  const before = endpoint?.revisions.find(({ weight }) => weight > 0);
  return (
    <aside className={`${classes.card} ${classes.sticky}`} aria-label={t("deploy.effect")}>
      <h2>{t("deploy.effect")}</h2>
      <ul className={classes.effect}>
        <li>{endpoint ? t("deploy.effectNext", { name: endpoint.name, model }) : t("deploy.effectNew", { name: name || "…", model })}</li>
        <li>{t("deploy.effectReplicas", { count: replicas, n: count(replicas) })}</li>
        {before ? <li>{t("deploy.effectBefore", { number: before.number, model: `${before.model_name} v${before.model_version_number}` })}</li> : null}
        {endpoint ? <li>{t("deploy.effectAddress")}</li> : null}
      </ul>
      <div className={classes.head}>
        <h3>{t("face.asApiCall", { ns: "common" })}</h3>
        <CopyButton text={call} />
      </div>
      <Code block className={classes.call} tabIndex={0}>
        {call}
      </Code>
    </aside>
  );
}
