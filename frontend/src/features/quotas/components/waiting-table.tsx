import { Link } from "@tanstack/react-router";
import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { useBandWords } from "@/components/why/expected";
import { BandBar } from "@/components/why/start-band";
import { count, NONE, when } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import type { Waiting } from "../api";
import { axisOf, type Axis } from "../logic/axis";
import { HeldFor } from "./held-for";
import { Name, useSize } from "./line-parts";
import classes from "./pool-queue.module.css";

/** What waits, in the order of admission: where it stands, why, and when it is expected to start, on one axis of time. */
export function WaitingTable({ rows }: { rows: readonly Waiting[] }) {
  const { t } = useTranslation("quotas");
  const now = useNow(10);
  const axis = useMemo(() => axisOf(rows.map(({ estimate }) => estimate), now), [rows, now]);
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
            <th scope="col" className={classes.start}>
              {t("queue.start")}
              {axis ? (
                <span className={classes.times} aria-hidden>
                  <span>{t("queue.now")}</span>
                  <span>{when(axis.to, now)}</span>
                </span>
              ) : null}
            </th>
            <th scope="col" className="num">
              {t("queue.priority")}
            </th>
            <th scope="col">{t("queue.since")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <WaitingRow key={row.holder.workload ?? row.position} row={row} from={axis?.from ?? 0} to={axis?.to ?? 0} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const WaitingRow = memo(function WaitingRow({ row, from, to }: { row: Waiting } & Axis) {
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
      <td className={classes.asks}>{size(row, row.count_max)}</td>
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
      <td className={classes.start}>
        <Start row={row} from={from} to={to} />
      </td>
      <td className="num">{count(row.priority)}</td>
      <td>
        <Ago at={row.waiting_since} />
      </td>
    </tr>
  );
});

/** The band on the axis, and what it says; to its page for the rest. */
function Start({ row, from, to }: { row: Waiting } & Axis) {
  const { t } = useTranslation("quotas");
  const now = useNow(10);
  const words = useBandWords();
  const band = row.estimate;
  if (!band) return <span className="soft">{t(row.is_held ? "queue.heldBack" : "queue.noEstimate")}</span>;
  const said = (
    <>
      {t("queue.about", { at: when(band.start_at, now) })} <span className="soft">{t("queue.band", { low: when(band.low_at, now), high: when(band.high_at, now) })}</span>
    </>
  );
  return (
    <>
      <BandBar band={band} from={from} to={to} />
      <span className={classes.said} title={words.between(band)}>
        {row.holder.workload ? (
          <Link to="/workloads/$workloadId" params={{ workloadId: row.holder.workload }}>
            {said}
          </Link>
        ) : (
          said
        )}
      </span>
    </>
  );
}
