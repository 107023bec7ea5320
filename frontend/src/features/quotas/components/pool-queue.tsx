import { useQuery } from "@tanstack/react-query";
import { memo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { clock, count } from "@/lib/format";
import { seriesIndex } from "@/lib/series-colors";
import { useNow } from "@/lib/use-now";
import { useFallbackInterval } from "@/live/use-live";
import { lineQuery, type Running } from "../api";
import { Name, useSize } from "./line-parts";
import classes from "./pool-queue.module.css";
import { WaitingTable } from "./waiting-table";

/** What runs, as bars to its expected end; below it what waits, in the order of admission. */
export function PoolQueue({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const line = useQuery({ ...lineQuery(pool), refetchInterval: useFallbackInterval() });
  return (
    <Faces query={line} loading={<LoadingFace rows={8} />}>
      {({ running, waiting, running_total, waiting_total }) =>
        running.length + waiting.length ? (
          <>
            <h2 className={classes.title}>{t("queue.running", { total: count(running_total) })}</h2>
            {running.length ? <RunningBars rows={running} /> : <p className="soft">{t("queue.nothingRuns")}</p>}
            <h2 className={classes.title}>{t("queue.waiting", { total: count(waiting_total) })}</h2>
            {waiting.length ? <WaitingTable rows={waiting} /> : <p className="soft">{t("queue.nothingWaits")}</p>}
            {waiting.length < waiting_total ? <p className="soft">{t("queue.first", { n: count(waiting.length) })}</p> : null}
          </>
        ) : (
          <EmptyState text={t("queue.empty")} />
        )
      }
    </Faces>
  );
}

const HOUR = 3_600_000;
/** % of the axis within which the word for now would stand on the time at its end. */
const CLOSE = 12;

/** Bars on one axis from the earliest start to the latest expected end; without a known end a bar fades out. */
function RunningBars({ rows }: { rows: readonly Running[] }) {
  const { t } = useTranslation("quotas");
  const now = useNow(5);
  const starts = rows.map((row) => Date.parse(row.started_at ?? row.admitted_at ?? new Date(now).toISOString()));
  const ends = rows.map((row) => (row.expected_end_at ? Date.parse(row.expected_end_at) : now));
  // Serving workloads run for weeks: the axis begins an hour back at the earliest, so that the rest can be seen.
  const from = Math.max(Math.min(...starts), now - HOUR);
  const to = Math.max(now + HOUR / 4, Math.min(Math.max(...ends), now + 24 * HOUR));
  const at = (time: number): number => Math.min(Math.max((time - from) / (to - from), 0), 1) * 100;
  return (
    <div className={classes.bars} style={{ "--now": `${at(now)}%` } as CSSProperties}>
      <div className={classes.axis} aria-hidden>
        <span>{at(now) < CLOSE ? "" : clock(from)}</span>
        <span className={classes.now}>{t("queue.now")}</span>
        <span>{at(now) > 100 - CLOSE ? "" : clock(to)}</span>
      </div>
      <ul>
        {rows.map((row, index) => (
          <Bar key={row.holder.workload ?? index} row={row} start={at(starts[index] ?? now)} now={at(now)} end={row.expected_end_at ? at(ends[index] ?? now) : null} />
        ))}
      </ul>
    </div>
  );
}

const Bar = memo(function Bar({ row, start, now, end }: { row: Running; start: number; now: number; end: number | null }) {
  const { t } = useTranslation("quotas");
  const size = useSize();
  const color = row.holder.project ? `var(--series-${seriesIndex(row.holder.project)})` : "var(--cancelled)";
  const known = row.expected_end_at ? t("queue.until", { at: clock(row.expected_end_at) }) : t("queue.open");
  return (
    <li className={classes.running}>
      <div className={classes.who}>
        <Name holder={row.holder} />
      </div>
      <span className={`${classes.size} soft cut`}>{size({ ...row, flavor: row.flavor_granted || row.flavor }, row.count_granted)}</span>
      <div className={classes.track} title={known} style={{ "--color": color } as CSSProperties}>
        <span className={classes.done} style={{ left: `${start}%`, width: `${Math.max(now - start, 0.5)}%` }} />
        <span className={classes.rest} data-open={end === null || undefined} style={{ left: `${now}%`, width: `${(end ?? 100) - now}%` }} />
        <span className="visually-hidden">{known}</span>
      </div>
    </li>
  );
});
