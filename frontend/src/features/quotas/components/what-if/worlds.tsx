import { IconArrowRight } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { components } from "@/api/schema.gen";
import { count, duration, percent, rough } from "@/lib/format";
import { deltaOf, type Delta } from "../../logic/what-if";
import table from "../table.module.css";
import classes from "./what-if.module.css";

type World = components["schemas"]["World"];
type QueueWorlds = components["schemas"]["QueueWorlds"];
type Measure = keyof World;

const WAITS: readonly Measure[] = ["mean_wait_seconds", "p50_wait_seconds", "p99_wait_seconds"];
/** Waits that differ by less say nothing: so far apart are the decisions of a simulation at least. */
const SECOND = 1;
const HUNDREDTH = 0.0005;

/** A difference in words and colour. */
function Difference({ delta, of }: { delta: Delta; of: "time" | "ratio" | "count" }) {
  const { t } = useTranslation("quotas");
  if (!delta.by) return <span className="soft">{t("whatIf.same")}</span>;
  const by = of === "time" ? rough(delta.by) : of === "ratio" ? t("whatIf.points", { count: delta.by * 100, n: Math.round(delta.by * 1000) / 10 }) : count(delta.by);
  const word = of === "time" ? (delta.more ? "longer" : "shorter") : delta.more ? "more" : "less";
  return (
    <span className={classes.delta} data-verdict={delta.verdict}>
      {t(`whatIf.${word}`, { by })}
    </span>
  );
}

/** The pool as it is and with the changes, figure by figure. */
export function Figures({ before, after }: { before: World; after: World }) {
  const { t } = useTranslation("quotas");
  const rows: { name: Measure; said: (value: number) => string; delta: Delta; of: "time" | "ratio" | "count" }[] = [
    ...WAITS.map((name) => ({ name, said: duration, delta: deltaOf(before[name], after[name], "less", SECOND), of: "time" as const })),
    { name: "utilisation_ratio", said: percent, delta: deltaOf(before.utilisation_ratio, after.utilisation_ratio, "more", HUNDREDTH), of: "ratio" },
    { name: "preemptions", said: count, delta: deltaOf(before.preemptions, after.preemptions, "less"), of: "count" },
    { name: "refused", said: count, delta: deltaOf(before.refused, after.refused, "less"), of: "count" },
  ];
  return (
    <div className={table.scroll} tabIndex={0} role="region" aria-label={t("whatIf.figures")}>
      <table className={table.table}>
        <thead>
          <tr>
            <th scope="col">{t("whatIf.ofPool")}</th>
            <th scope="col" className="num">
              {t("whatIf.before")}
            </th>
            <th scope="col" className="num">
              {t("whatIf.after")}
            </th>
            <th scope="col">{t("whatIf.difference")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ name, said, delta, of }) => (
            <tr key={name}>
              <th scope="row">{t(`whatIf.figure.${name}`)}</th>
              <td className="num">{said(before[name])}</td>
              <td className="num">{said(after[name])}</td>
              <td>
                <Difference delta={delta} of={of} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What becomes of each project: its share of the device time as bars, its waits. */
export function Queues({ rows }: { rows: readonly QueueWorlds[] }) {
  const { t } = useTranslation("quotas");
  if (!rows.length) return <p className="soft">{t("whatIf.noQueues")}</p>;
  const most = Math.max(...rows.flatMap(({ before, after }) => [before.share_ratio, after.share_ratio]), 0.01);
  return (
    <section>
      <h2>{t("whatIf.byProject")}</h2>
      <p className={classes.legend}>
        <span data-world="before">{t("whatIf.before")}</span>
        <span data-world="after">{t("whatIf.after")}</span>
      </p>
      <div className={table.scroll} tabIndex={0} role="region" aria-label={t("whatIf.byProject")}>
        <table className={`${table.table} ${classes.projects}`}>
          <thead>
            <tr>
              <th scope="col">{t("usage.project")}</th>
              <th scope="col" className={classes.shares}>
                {t("whatIf.share")}
              </th>
              <th scope="col">{t("whatIf.figure.mean_wait_seconds")}</th>
              <th scope="col">{t("whatIf.figure.p99_wait_seconds")}</th>
              <th scope="col">{t("whatIf.started")}</th>
              <th scope="col">{t("whatIf.figure.preemptions")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ queue, project_name, before, after }) => (
              <tr key={queue}>
                <th scope="row">{project_name}</th>
                <td>
                  <Shares before={before.share_ratio} after={after.share_ratio} most={most} />
                </td>
                <td>
                  <Change before={before.mean_wait_seconds} after={after.mean_wait_seconds} of="time" least={SECOND} />
                </td>
                <td>
                  <Change before={before.p99_wait_seconds} after={after.p99_wait_seconds} of="time" least={SECOND} />
                </td>
                <td>
                  <Change before={before.started} after={after.started} of="more" />
                </td>
                <td>
                  <Change before={before.preemptions} after={after.preemptions} of="count" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Shares({ before, after, most }: { before: number; after: number; most: number }) {
  return (
    <div className={classes.bars}>
      {([["before", before], ["after", after]] as const).map(([world, share]) => (
        <div key={world} className={classes.bar} data-world={world}>
          <span className={classes.track} aria-hidden>
            <span style={{ width: `${(share / most) * 100}%` }} />
          </span>
          <span className="num">{percent(share)}</span>
        </div>
      ))}
    </div>
  );
}

/** A figure before and after, coloured where it matters. */
function Change({ before, after, of, least = 0 }: { before: number; after: number; of: "time" | "count" | "more"; least?: number }) {
  const { t } = useTranslation("quotas");
  const said = of === "time" ? duration : count;
  const { verdict, by } = deltaOf(before, after, of === "more" ? "more" : "less", least);
  if (!by) return <span className="num">{said(after)}</span>;
  return (
    <span className={classes.moved}>
      <span className="soft">{said(before)}</span>
      <IconArrowRight size={12} role="img" aria-label={t("whatIf.becomes")} />
      <span className={classes.delta} data-verdict={verdict}>
        {said(after)}
      </span>
    </span>
  );
}
