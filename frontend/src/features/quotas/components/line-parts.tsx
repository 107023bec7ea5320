import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { bytes, cores, count } from "@/lib/format";
import type { Holder } from "../api";

/** What one asks or holds, in words: `2 × H200, 8 cores, 16 GiB`. */
export function useSize() {
  const { t } = useTranslation("quotas");
  return (row: { cpu_millis: number; memory_bytes: number; gpus: number; flavor: string }, members: number): string => {
    const gpus = row.gpus ? `${count(row.gpus)} × ${row.flavor || t("gpu")}, ` : "";
    const one = `${gpus}${t("cores", { count: row.cpu_millis / 1000, n: cores(row.cpu_millis) })}, ${bytes(row.memory_bytes)}`;
    return members > 1 ? t("members", { count: members, n: count(members), one }) : one;
  };
}

/** Whose it is, as far as the reader may know. */
export function Name({ holder }: { holder: Holder }) {
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
