import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { amountText, byResource } from "@/lib/amounts";
import { count, duration, NONE, value } from "@/lib/format";
import { useFallbackInterval } from "@/live/use-live";
import { treeQuery, type PoolTree, type TreeAmount } from "../api";
import { treeRows, type TreeRow } from "../logic/tree";
import classes from "./sharing-tree.module.css";
import table from "./table.module.css";

type Kind = Pick<TreeAmount, "resource" | "flavor">;
const keyOf = ({ resource, flavor }: Kind): string => `${resource} ${flavor}`;

/** How a pool is shared: its cohorts and queues as a tree, with what each is guaranteed, holds, borrows and lends. */
export function SharingTree({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const tree = useQuery({ ...treeQuery(pool), refetchInterval: useFallbackInterval() });
  return (
    <Faces query={tree} loading={<LoadingFace rows={8} />}>
      {(data) => (data.queues.length + data.cohorts.length ? <Tree tree={data} /> : <EmptyState text={t("sharing.empty")} />)}
    </Faces>
  );
}

function Tree({ tree }: { tree: PoolTree }) {
  const { t } = useTranslation("quotas");
  const rows = useMemo(() => treeRows(tree), [tree]);
  const kinds = useMemo(() => kindsOf(rows), [rows]);
  return (
    <>
      <p className="soft">{t("sharing.lead")}</p>
      <div className={table.scroll} tabIndex={0} role="region" aria-label={t("tab.sharing")}>
        <table className={`${table.table} ${classes.tree}`}>
          <thead>
            <tr>
              <th scope="col">{t("sharing.who")}</th>
              <th scope="col" className="num">{t("sharing.weight")}</th>
              <th scope="col" className="num">{t("usage.running")}</th>
              <th scope="col" className="num">{t("usage.waiting")}</th>
              {kinds.map((kind) => (
                <th scope="col" key={keyOf(kind)}>
                  {kind.resource === "gpus" ? kind.flavor || t("allGpus") : t(`resource.${kind.resource}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={row.key} row={row} kinds={kinds} />
            ))}
          </tbody>
        </table>
      </div>
      <ul className={classes.legend} aria-hidden>
        <li data-part="own">{t("sharing.legend.own")}</li>
        <li data-part="borrowed">{t("sharing.legend.borrowed")}</li>
        <li data-part="nominal">{t("sharing.legend.nominal")}</li>
      </ul>
    </>
  );
}

/** The columns: what anybody has a quota of or holds. */
function kindsOf(rows: readonly TreeRow[]): Kind[] {
  const found = new Map<string, Kind>();
  for (const row of rows) for (const amount of row.amounts) if (amount.nominal !== null || amount.reserved > 0 || row.kind === "pool") found.set(keyOf(amount), amount);
  return [...found.values()].sort(byResource);
}

function Row({ row, kinds }: { row: TreeRow; kinds: readonly Kind[] }) {
  const { t } = useTranslation("quotas");
  const name = row.name ?? t("otherProject");
  return (
    <tr data-kind={row.kind}>
      <th scope="row" style={{ paddingLeft: `${12 + row.depth * 20}px` }}>
        {name}
        {row.caps ? <div className="soft">{capsText(row.caps, t)}</div> : null}
      </th>
      <td className="num">{row.weight === null ? NONE : value(row.weight, 3)}</td>
      <td className="num">{row.running === null ? NONE : count(row.running)}</td>
      <td className="num">{row.waiting === null ? NONE : count(row.waiting)}</td>
      {kinds.map((kind) => (
        <td key={keyOf(kind)}>
          <Cell amount={row.amounts.find((each) => keyOf(each) === keyOf(kind))} />
        </td>
      ))}
    </tr>
  );
}

type Translate = ReturnType<typeof useTranslation<"quotas">>["t"];

function capsText({ running_most, gpus_per_run_most, run_seconds_most }: NonNullable<TreeRow["caps"]>, t: Translate): string {
  const parts = [
    running_most === null ? "" : t("sharing.runningMost", { count: running_most, n: count(running_most) }),
    gpus_per_run_most === null ? "" : t("sharing.gpusMost", { count: gpus_per_run_most, n: count(gpus_per_run_most) }),
    run_seconds_most === null ? "" : t("sharing.secondsMost", { time: duration(run_seconds_most) }),
  ];
  return parts.filter(Boolean).join(" · ");
}

function Cell({ amount }: { amount: TreeAmount | undefined }) {
  const { t } = useTranslation("quotas");
  if (!amount) return <span className="soft">{NONE}</span>;
  const text = (size: number): string => amountText(amount.resource, size);
  const share = (size: number): number => (amount.capacity > 0 ? Math.min(Math.max(size / amount.capacity, 0), 1) * 100 : 0);
  const own = share(amount.reserved - amount.borrowed);
  const limit = limitText(amount, text, t);
  return (
    <div className={classes.cell}>
      <span>{t("sharing.heldOf", { held: text(amount.reserved), nominal: text(amount.subtree_nominal) })}</span>
      <span className={classes.track} aria-hidden>
        <span className={classes.own} style={{ width: `${own}%` }} />
        <span className={classes.borrowed} style={{ width: `${Math.max(share(amount.reserved) - own, 0)}%` }} />
        {amount.subtree_nominal > 0 ? <i style={{ left: `${share(amount.subtree_nominal)}%` }} /> : null}
      </span>
      {amount.borrowed > 0 ? <span className="soft">{t("sharing.borrows", { amount: text(amount.borrowed) })}</span> : null}
      {amount.lent > 0 ? <span className="soft">{t("sharing.lends", { amount: text(amount.lent) })}</span> : null}
      {limit ? <span className="soft">{limit}</span> : null}
      {amount.warning ? <strong className={classes.warning}>{t(`sharing.warning.${amount.warning}`)}</strong> : null}
    </div>
  );
}

/** What its own quota says of borrowing and lending, where it has one that limits either. */
function limitText(amount: TreeAmount, text: (size: number) => string, t: Translate): string {
  if (amount.quota === null) return "";
  const parts = [
    amount.borrowing_limit === null ? "" : amount.borrowing_limit === 0 ? t("sharing.borrowsNothing") : t("sharing.borrowsMost", { amount: text(amount.borrowing_limit) }),
    amount.lending_limit === null ? "" : amount.lending_limit === 0 ? t("sharing.lendsNothing") : t("sharing.lendsMost", { amount: text(amount.lending_limit) }),
  ];
  return parts.filter(Boolean).join(" · ");
}
