import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { amountText, byResource } from "@/lib/amounts";
import { count, NONE } from "@/lib/format";
import { useProject } from "@/lib/permissions";
import { useFallbackInterval } from "@/live/use-live";
import { usageQuery, type Amount, type QueueUsage } from "../api";
import { QuotaDialog, type Editing, type Kind } from "./quota-dialog";
import table from "./table.module.css";
import classes from "./usage-table.module.css";

const keyOf = ({ resource, flavor }: Kind): string => `${resource} ${flavor}`;

/** Each project's quota and what it holds of it now; who may, sets it here, and others ask for it. */
export function UsageTable({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const me = useMe();
  const project = useProject();
  const usage = useQuery({ ...usageQuery(pool, project?.id), refetchInterval: useFallbackInterval() });
  const [editing, setEditing] = useState<Editing | null>(null);
  const kinds = useMemo(() => {
    const found = new Map<string, Kind>();
    for (const row of usage.data ?? []) for (const amount of row.amounts) found.set(keyOf(amount), amount);
    return [...found.values()].sort(byResource);
  }, [usage.data]);
  const mayAsk = (row: QueueUsage): boolean => me.projects.some(({ id, verbs }) => id === row.project && verbs.includes("ask_for_approval"));
  const onEdit = (editing: Editing): (() => void) | undefined => (me.is_superuser || mayAsk(editing.row) ? () => setEditing(editing) : undefined);
  return (
    <Faces query={usage} loading={<LoadingFace rows={6} />}>
      {(rows) =>
        rows.length ? (
          <>
            <p className="soft">{t("usage.lead")}</p>
            <div className={table.scroll} tabIndex={0} role="region" aria-label={t("tab.usage")}>
              <table className={table.table}>
                <thead>
                  <tr>
                    <th scope="col">{t("usage.project")}</th>
                    <th scope="col" className="num">
                      {t("usage.running")}
                    </th>
                    <th scope="col" className="num">
                      {t("usage.waiting")}
                    </th>
                    {kinds.map((kind) => (
                      <th scope="col" key={keyOf(kind)}>
                        <KindName kind={kind} />
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.map((row) => (
                    <tr key={row.queue}>
                      <th scope="row">{row.project_name}</th>
                      <td className="num">{count(row.running)}</td>
                      <td className="num">{count(row.waiting)}</td>
                      {kinds.map((kind) => {
                        const amount = row.amounts.find((each) => keyOf(each) === keyOf(kind));
                        return (
                          <td key={keyOf(kind)}>
                            <Cell amount={amount} kind={kind} onEdit={onEdit({ row, kind, amount })} verb={t(me.is_superuser ? "usage.edit" : "usage.ask", { project: row.project_name })} />
                          </td>
                        );
                      })}
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
            {editing ? (
              <QuotaDialog key={`${editing.row.queue} ${keyOf(editing.kind)}`} editing={editing} pool={pool} asks={!me.is_superuser} onClose={() => setEditing(null)} />
            ) : null}
          </>
        ) : (
          <EmptyState text={t("usage.empty")} />
        )
      }
    </Faces>
  );
}

function KindName({ kind }: { kind: Kind }) {
  const { t } = useTranslation("quotas");
  return <>{kind.resource === "gpus" ? kind.flavor || t("allGpus") : t(`resource.${kind.resource}`)}</>;
}

function Cell({ amount, kind, onEdit, verb }: { amount: Amount | undefined; kind: Kind; onEdit: (() => void) | undefined; verb: string }) {
  const { t } = useTranslation("quotas");
  const held = amount?.reserved ?? 0;
  const nominal = amount?.nominal ?? null;
  const ratio = nominal ? Math.min(held / nominal, 1) : 0;
  const said = { held: amountText(kind.resource, held), nominal: nominal === null ? NONE : amountText(kind.resource, nominal) };
  const more = amount?.borrowing_limit ?? null;
  return (
    <div className={classes.cell}>
      <span className="num">
        {nominal === null || more === 0 ? t("usage.of", said) : more === null ? t("usage.ofIdle", said) : t("usage.ofMore", { ...said, more: amountText(kind.resource, more) })}
      </span>
      {onEdit ? (
        <button type="button" className={classes.edit} onClick={onEdit} aria-label={verb} title={verb}>
          <IconPencil size={14} aria-hidden />
        </button>
      ) : null}
      <span className={classes.track} aria-hidden>
        <span style={{ width: `${ratio * 100}%` }} data-full={ratio >= 1 || undefined} />
      </span>
    </div>
  );
}
