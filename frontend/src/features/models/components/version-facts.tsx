import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/copy-button";
import { NONE } from "@/lib/format";
import { StateBadge } from "@/components/state-badge";
import type { components } from "@/api/schema.gen";
import type { Version } from "../api";
import { figure, metricKeys } from "../measures";
import classes from "./models.module.css";

type Endpoint = components["schemas"]["Endpoint"];

/** Metrics, origin, and where it serves. */
export function VersionFacts({ version, endpoints }: { version: Version; endpoints: readonly Endpoint[] | undefined }) {
  const { t } = useTranslation("models");
  const metrics = metricKeys([version]);
  const hidden = <span className="soft">{t("hidden", { ns: "common" })}</span>;
  return (
    <aside className={classes.side} aria-label={t("version.facts")}>
      <Card title={t("version.metrics")}>
        {metrics.length ? (
          <dl className={classes.pairs}>
            {metrics.map((key) => (
              <Pair key={key} name={key}>
                {figure(version.metrics[key])}
              </Pair>
            ))}
          </dl>
        ) : (
          <p className="soft">{t("version.noMetrics")}</p>
        )}
      </Card>
      <Card title={t("version.origin")}>
        <dl className={classes.pairs}>
          <Pair name={t("column.run")}>
            {version.run && version.run_name ? (
              <Link to="/runs/$runId" params={{ runId: version.run }}>
                {version.run_name}
              </Link>
            ) : (
              hidden
            )}
          </Pair>
          <Pair name={t("version.experiment")}>{version.experiment_name ?? hidden}</Pair>
          <Pair name={t("column.data")}>
            {version.dataset_version && version.dataset_name ? (
              <Link to="/dataset-versions/$versionId" params={{ versionId: version.dataset_version }}>
                {version.dataset_name} v{version.dataset_version_number}
              </Link>
            ) : version.dataset_version ? (
              hidden
            ) : (
              NONE
            )}
          </Pair>
          <Pair name={t("files.digest")}>
            <span className={classes.digest} title={version.digest}>
              <span className="mono">{version.digest.replace("sha256:", "").slice(0, 12)}</span>
              <CopyButton text={version.digest} label={t("files.copyDigest")} />
            </span>
          </Pair>
        </dl>
      </Card>
      <Card title={t("version.serves")}>
        {endpoints?.length ? (
          <dl className={classes.pairs}>
            {endpoints.map((endpoint) => (
              <div key={endpoint.id}>
                <dt>
                  <Link to="/endpoints/$endpointId" params={{ endpointId: endpoint.id }}>
                    {endpoint.name}
                  </Link>
                </dt>
                <dd>
                  <StateBadge noun="endpoint" state={endpoint.state} />
                </dd>
              </div>
            ))}
          </dl>
        ) : (
          <p className="soft">{t("version.servesNowhere")}</p>
        )}
      </Card>
    </aside>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.card} aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Pair({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt title={name}>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
