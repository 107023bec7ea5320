import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { noticesQuery } from "@/api/notices";
import { Ago } from "@/components/ago";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { failedRunsQuery, troubledEndpointsQuery } from "../api";
import classes from "./panel.module.css";

/** Approvals to decide, endpoints that are not well, failures: what somebody must look at. */
export function NeedsYou({ project }: { project: string | undefined }) {
  const { t } = useTranslation("overview");
  const notices = useQuery(noticesQuery);
  const failed = useQuery(failedRunsQuery(project));
  const endpoints = useQuery(troubledEndpointsQuery(project));
  const approvals = (notices.data?.approvals ?? []).filter((approval) => !project || approval.project === project);
  const troubled = (endpoints.data ?? []).filter(({ health }) => health.status === "unhealthy" || health.status === "degraded");
  return (
    <section className={classes.panel} aria-labelledby="needs-you">
      <h2 id="needs-you">{t("needsYou")}</h2>
      <Faces query={failed} loading={<LoadingFace rows={4} />}>
        {(runs) =>
          approvals.length + troubled.length + runs.length ? (
            <ul>
              {approvals.map((approval) => (
                <li key={approval.id}>
                  <StateBadge noun="approval" state={approval.state} />
                  <Link to="/access" search={{ tab: "approvals", approval: approval.id }} className="cut">
                    {t("approval", { command: approval.command })}
                  </Link>
                  <span className={classes.why}>{approval.project_name}</span>
                  <Ago at={approval.created_at} />
                </li>
              ))}
              {troubled.map((endpoint) => (
                <li key={endpoint.id}>
                  <StateBadge noun="endpoint" state={endpoint.state} />
                  <Link to="/endpoints/$endpointId" params={{ endpointId: endpoint.id }} className="cut">
                    {endpoint.name}
                  </Link>
                  <span className={`${classes.why} cut`}>{t("replicas", { ready: endpoint.health.ready_replicas, wanted: endpoint.health.wanted_replicas })}</span>
                  <Ago at={endpoint.health.last_error_at} />
                </li>
              ))}
              {runs.map((run) => (
                <li key={run.id}>
                  <StateBadge noun="run" state={run.state} />
                  <Link to="/runs/$runId" params={{ runId: run.id }} className="cut">
                    {run.name}
                  </Link>
                  <span className={`${classes.why} cut`}>
                    <Reason reason={run.state_reason} />
                  </span>
                  <Ago at={run.ended_at} />
                </li>
              ))}
            </ul>
          ) : (
            <p className={classes.none}>{t("nothingNeedsYou")}</p>
          )
        }
      </Faces>
    </section>
  );
}
