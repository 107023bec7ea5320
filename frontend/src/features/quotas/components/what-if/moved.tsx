import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { count, NONE, rough, when } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import type { Moved, Reclaim } from "../../api-what-if";
import { deltaOf } from "../../logic/what-if";
import table from "../table.module.css";
import classes from "./what-if.module.css";

const FIRST = 20;
const MORE = 100;
const SECOND = 1;

/** When what waits now starts, in either world. */
export function MovedTable({ rows }: { rows: readonly Moved[] }) {
  const { t } = useTranslation(["quotas", "common"]);
  const [shown, setShown] = useState(FIRST);
  const now = useNow(60);
  if (!rows.length) return null;
  const start = (at: string | null): string => (at ? when(at, now) : t("whatIf.notUntilEnd"));
  return (
    <section>
      <h2>{t("whatIf.starts")}</h2>
      <div className={table.scroll} tabIndex={0} role="region" aria-label={t("whatIf.starts")}>
        <table className={table.table}>
          <thead>
            <tr>
              <th scope="col">{t("queue.who")}</th>
              <th scope="col">{t("whatIf.before")}</th>
              <th scope="col">{t("whatIf.after")}</th>
              <th scope="col">{t("whatIf.difference")}</th>
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <tr key={row.workload}>
                <td>
                  <Link to="/workloads/$workloadId" params={{ workloadId: row.workload }}>
                    {row.workload_name ?? NONE}
                  </Link>{" "}
                  <span className="soft">{row.project_name}</span>
                </td>
                <td>{start(row.start_before_at)}</td>
                <td>{start(row.start_after_at)}</td>
                <td>
                  <Sooner row={row} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length > shown ? (
        <Button mt="sm" variant="default" onClick={() => setShown(shown + MORE)}>
          {t("verb.showMore", { ns: "common" })}
        </Button>
      ) : null}
    </section>
  );
}

function Sooner({ row }: { row: Moved }) {
  const { t } = useTranslation("quotas");
  const { start_before_at: before, start_after_at: after } = row;
  if (!before && !after) return <span className="soft">{t("whatIf.same")}</span>;
  if (!before || !after) {
    return (
      <span className={classes.delta} data-verdict={after ? "better" : "worse"}>
        {t(after ? "whatIf.startsNow" : "whatIf.startsNoMore")}
      </span>
    );
  }
  const delta = deltaOf(Date.parse(before) / 1000, Date.parse(after) / 1000, "less", SECOND);
  if (!delta.by) return <span className="soft">{t("whatIf.same")}</span>;
  return (
    <span className={classes.delta} data-verdict={delta.verdict}>
      {t(delta.more ? "whatIf.later" : "whatIf.sooner", { by: rough(delta.by) })}
    </span>
  );
}

/** What runs and would have to go. */
export function Reclaims({ rows }: { rows: readonly Reclaim[] }) {
  const { t } = useTranslation("quotas");
  if (!rows.length) return <p className="soft">{t("whatIf.noReclaim")}</p>;
  return (
    <ul className={classes.reclaims}>
      {rows.map((row) => (
        <li key={row.workload}>
          <Link to="/workloads/$workloadId" params={{ workloadId: row.workload }}>
            {row.workload_name ?? NONE}
          </Link>{" "}
          {t(row.now ? "whatIf.goesNow" : "whatIf.goesOnce", { project: row.project_name ?? NONE, count: row.members, n: count(row.members) })}
        </li>
      ))}
    </ul>
  );
}
