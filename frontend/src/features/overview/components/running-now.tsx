import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { Sparkline } from "@/components/sparkline";
import { StateBadge } from "@/components/state-badge";
import { between, duration, value } from "@/lib/format";
import { seriesIndex } from "@/lib/series-colors";
import { useNow } from "@/lib/use-now";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { activeRunsQuery, type RunRow } from "../api";
import classes from "./panel.module.css";

/** Runs that run or wait, each with the little curve of its goal metric. */
export function RunningNow({ project }: { project: string | undefined }) {
  const { t } = useTranslation("overview");
  const active = useQuery({ ...activeRunsQuery(project), refetchInterval: useFallbackInterval() });
  return (
    <section className={classes.panel} aria-labelledby="running-now">
      <h2 id="running-now">{t("runningNow")}</h2>
      <Faces query={active} loading={<LoadingFace rows={4} />}>
        {(runs) =>
          runs.length ? (
            <ul>
              {runs.map((run) => (
                <Row key={run.id} run={run} />
              ))}
            </ul>
          ) : (
            <p className={classes.none}>{t("nothingRuns")}</p>
          )
        }
      </Faces>
    </section>
  );
}

const CURVES = [["overview", "active"]];

const Row = memo(function Row({ run }: { run: RunRow }) {
  useLiveRefresh(`run.${run.id}`, CURVES, 3_000);
  return (
    <li>
      <StateBadge noun="run" state={run.state} />
      <Link to="/runs/$runId" params={{ runId: run.id }} className="cut">
        {run.name}
      </Link>
      <span className="cut soft">{run.state === "queued" ? <Reason reason={run.state_reason} /> : run.goal?.key}</span>
      <span className={classes.curve}>
        {run.goal ? (
          <>
            <Sparkline values={run.spark ?? []} color={`var(--series-${seriesIndex(run.id)})`} width={72} height={20} />
            <span>{value(run.goal.last)}</span>
          </>
        ) : null}
        <Elapsed run={run} />
      </span>
    </li>
  );
});

function Elapsed({ run }: { run: RunRow }) {
  const now = useNow();
  return <span className="soft">{duration(between(run.started_at ?? run.created_at, run.ended_at, now))}</span>;
}
