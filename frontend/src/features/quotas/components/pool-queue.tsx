import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { bytes, clock, cores, count, NONE } from "@/lib/format";
import { seriesIndex } from "@/lib/series-colors";
import { useNow } from "@/lib/use-now";
import { useFallbackInterval } from "@/live/use-live";
import { lineQuery, type Holder, type Running, type Waiting } from "../api";
import { HeldFor } from "./held-for";
import classes from "./pool-queue.module.css";

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

/** What one asks or holds, in words: `2 × H200, 8 cores, 16 GiB`. */
function useSize() {
  const { t } = useTranslation("quotas");
  return (row: { cpu_millis: number; memory_bytes: number; gpus: number; flavor: string }, members: number): string => {
    const gpus = row.gpus ? `${count(row.gpus)} × ${row.flavor || t("gpu")}, ` : "";
    const one = `${gpus}${t("cores", { count: row.cpu_millis / 1000, n: cores(row.cpu_millis) })}, ${bytes(row.memory_bytes)}`;
    return members > 1 ? t("members", { count: members, n: count(members), one }) : one;
  };
}

function Name({ holder }: { holder: Holder }) {
  const { t } = useTranslation("quotas");
  if (!holder.workload) return <span className="soft">{t("otherProject")}</span>;
  return (
    <>
      <Link to="/workloads/$workloadId" params={{ workloadId: holder.workload }} className="cut">
        {holder.workload_name}
      </Link>
      <span className="soft cut">{[holder.project_name, holder.requested_by_name].filter(Boolean).join(" · ")}</span>
    </>
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

function WaitingTable({ rows }: { rows: readonly Waiting[] }) {
  const { t } = useTranslation("quotas");
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("queue.waitingLabel")}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col" className="num">
              {t("queue.position")}
            </th>
            <th scope="col">{t("queue.who")}</th>
            <th scope="col">{t("queue.asks")}</th>
            <th scope="col">{t("queue.why")}</th>
            <th scope="col" className="num">
              {t("queue.priority")}
            </th>
            <th scope="col">{t("queue.since")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <WaitingRow key={row.position} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const WaitingRow = memo(function WaitingRow({ row }: { row: Waiting }) {
  const { t } = useTranslation("quotas");
  const size = useSize();
  const { holder } = row;
  return (
    <tr>
      <td className="num">
        <strong>{row.is_held ? NONE : count(row.position)}</strong>
        {row.queue_position === row.position || row.is_held ? null : <div className="soft">{t("queue.inProject", { n: count(row.queue_position) })}</div>}
      </td>
      <td>
        <div className={classes.who}>
          <Name holder={holder} />
        </div>
      </td>
      <td>{size(row, row.count_max)}</td>
      <td className={classes.why}>
        {holder.visible ? (
          <>
            <StateBadge noun="workload" state={holder.state ?? "pending"} iconOnly /> <Reason reason={holder.state_reason} detail={holder.state_detail} message={holder.state_message} sentenceOnly={Boolean(holder.state_detail)} />
            {row.is_held && holder.workload ? <HeldFor workload={holder.workload} /> : null}
          </>
        ) : (
          <span className="soft">{t("queue.hidden")}</span>
        )}
      </td>
      <td className="num">{count(row.priority)}</td>
      <td>
        <Ago at={row.waiting_since} />
      </td>
    </tr>
  );
});
