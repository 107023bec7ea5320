import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { StateBadge } from "@/components/state-badge";
import { amountText } from "@/lib/amounts";
import { count, NONE } from "@/lib/format";
import { useFallbackInterval } from "@/live/use-live";
import { whatIfsQuery } from "../../api-what-if";
import type { Change } from "../../logic/what-if";
import table from "../table.module.css";
import { useChoices, type Choices } from "./choices";
import classes from "./what-if.module.css";

const CALL = (pool: string): string => `curl -X POST $BEDPLATE_URL/api/v1/pools/${pool}/what-if -H "Authorization: Bearer $BEDPLATE_TOKEN" -H "Content-Type: application/json" \\
  -d '{"changes": [{"kind": "weight", "queue": "<id>", "weight": 2}]}'`;

/** What was asked of a pool in the last day. */
export function PastWhatIfs({ pool, open }: { pool: string; open: string | undefined }) {
  const { t } = useTranslation("quotas");
  const past = useQuery({ ...whatIfsQuery(pool), refetchInterval: useFallbackInterval() });
  const say = useChangeWords(useChoices(pool));
  return (
    <section className={classes.past}>
      <h2>{t("whatIf.past")}</h2>
      <Faces query={past} loading={<LoadingFace rows={3} />}>
        {(rows) =>
          rows.length ? (
            <div className={table.scroll} tabIndex={0} role="region" aria-label={t("whatIf.past")}>
              <table className={table.table}>
                <thead>
                  <tr>
                    <th scope="col">{t("whatIf.changes")}</th>
                    <th scope="col">{t("whatIf.basis")}</th>
                    <th scope="col">{t("whatIf.state")}</th>
                    <th scope="col">{t("whatIf.asked")}</th>
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.id} aria-current={row.id === open || undefined} className={classes.pastRow}>
                      <td>
                        <Link to="/what-if" search={{ pool, basis: row.basis, hours: String(row.hours ?? 0), changes: row.changes, answer: row.id }}>
                          {row.changes.map(say).join(t("whatIf.comma"))}
                        </Link>
                      </td>
                      <td>{t(`whatIf.${row.basis}`)}</td>
                      <td>
                        <StateBadge noun="what_if" state={row.state} />
                      </td>
                      <td>
                        <Ago at={row.created_at} /> <span className="soft">{row.requested_by_name}</span>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          ) : (
            <EmptyState text={t("whatIf.nothingAsked")} call={CALL(pool)} />
          )
        }
      </Faces>
    </section>
  );
}

/** A change in a few words. */
export function useChangeWords(choices: Choices | undefined): (change: Change) => string {
  const { t } = useTranslation("quotas");
  return (change) => {
    const who = choices?.nameOf(change.queue ?? change.cohort ?? change.workload ?? change.like) ?? NONE;
    switch (change.kind) {
      case "quota": {
        const { resource = "gpus", flavor, nominal } = change;
        const kind = resource === "gpus" ? flavor || t("allGpus") : t(`resource.${resource}`);
        return nominal === null || nominal === undefined ? t("whatIf.said.noQuota", { who, kind }) : t("whatIf.said.quota", { who, kind, amount: amountText(resource, nominal) });
      }
      case "weight":
        return t("whatIf.said.weight", { who, weight: change.weight ?? 1 });
      case "priority":
        return t("whatIf.said.priority", { who, priority: count(change.priority ?? 0) });
      case "add_nodes":
        return t("whatIf.said.add", { who, n: count(change.count ?? 1) });
      case "remove_nodes":
        return t("whatIf.said.remove", { who: (change.nodes ?? []).map((node) => choices?.nameOf(node) ?? NONE).join(t("whatIf.comma")) });
    }
  };
}
