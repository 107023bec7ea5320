import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Ago } from "@/components/ago";
import { StateBadge } from "@/components/state-badge";
import { value } from "@/lib/format";
import { myRunsQuery } from "../api";
import classes from "./panel.module.css";

/** The reader's own last runs. */
export function MyWork({ project }: { project: string | undefined }) {
  const { t } = useTranslation("overview");
  const me = useMe();
  const mine = useQuery(myRunsQuery(project, me.username));
  if (!mine.data?.length) return null;
  return (
    <section className={`${classes.panel} ${classes.mine}`} aria-labelledby="my-work">
      <h2 id="my-work">{t("myWork")}</h2>
      <ul>
        {mine.data.map((run) => (
          <li key={run.id}>
            <StateBadge noun="run" state={run.state} />
            <Link to="/runs/$runId" params={{ runId: run.id }} className="cut">
              {run.name}
            </Link>
            <span className="cut soft">{run.goal ? `${run.goal.key} ${value(run.goal.best ?? run.goal.last)}` : `${run.project_name} · ${run.experiment_name}`}</span>
            <Ago at={run.created_at} />
          </li>
        ))}
      </ul>
    </section>
  );
}
