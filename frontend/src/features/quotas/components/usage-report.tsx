import { Button, Group, MultiSelect, SegmentedControl } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { count, day, NONE, value } from "@/lib/format";
import { useProject } from "@/lib/permissions";
import { reportQuery, type ReportKey, type ReportLine } from "../api";
import table from "./table.module.css";

const KEYS: readonly ReportKey[] = ["day", "project", "user", "flavor"];
const DAYS = { "7d": 7, "30d": 30, "90d": 90 } as const;
type Range = keyof typeof DAYS;
const RANGES = Object.keys(DAYS) as Range[];
const BY: readonly ReportKey[] = ["project", "flavor"];
/** In the address: nothing is chosen, which is not the same as saying nothing. */
const NOTHING = "none";
const ROWS_MOST = 500;
const DAY = 86_400_000;

/** GPU-hours and money of a pool, summed up by day, project, person and kind of GPU as the reader wants it. */
export function UsageReport({ pool }: { pool: string }) {
  const { t } = useTranslation("quotas");
  const project = useProject();
  const search = useSearch({ from: "/quotas" });
  const navigate = useNavigate();
  const go = (change: { by?: string; window?: string }): void => void navigate({ to: "/quotas", search: { ...search, ...change } });
  const range: Range = RANGES.find((each) => each === search.window) ?? "30d";
  const named = search.by?.split(",");
  const chosen = named ? KEYS.filter((key) => named.includes(key)) : [...BY];
  const [opened] = useState(() => Math.floor(Date.now() / DAY) * DAY);
  const from = new Date(opened - DAYS[range] * DAY).toISOString();
  const whole = { by: chosen.join(","), from, pool, ...(project ? { project: project.id } : {}) };
  const report = useQuery({ ...reportQuery({ ...whole, limit: ROWS_MOST }), enabled: chosen.length > 0 });
  const file = `/api/v1/usage-report.csv?${new URLSearchParams(whole).toString()}`;
  return (
    <>
      <Group mb={12} align="end">
        <MultiSelect
          label={t("report.by")}
          data={KEYS.map((key) => ({ value: key, label: t(`report.key.${key}`) }))}
          value={chosen}
          onChange={(values) => go({ by: values.join(",") || NOTHING })}
          w={340}
          error={chosen.length ? undefined : t("report.choose")}
        />
        <SegmentedControl aria-label={t("history.window")} value={range} onChange={(value) => go({ window: value })} data={RANGES.map((each) => ({ value: each, label: t(`report.${each}`) }))} />
        <Button component="a" href={file} download variant="default" leftSection={<IconDownload size={16} aria-hidden />} disabled={!chosen.length}>
          {t("report.csv")}
        </Button>
      </Group>
      {chosen.length ? (
        <Faces query={report} loading={<LoadingFace rows={8} />}>
          {(data) =>
            data.rows.length ? (
              <>
                <Rows keys={chosen} rows={data.rows} currency={data.currency} />
                {data.is_complete ? null : <p className="soft">{t("report.cut", { n: count(ROWS_MOST) })}</p>}
              </>
            ) : (
              <EmptyState text={t("report.empty")} />
            )
          }
        </Faces>
      ) : null}
    </>
  );
}

function Rows({ keys, rows, currency }: { keys: readonly ReportKey[]; rows: readonly ReportLine[]; currency: string }) {
  const { t } = useTranslation("quotas");
  const nameOf: Record<ReportKey, (row: ReportLine) => string> = {
    day: (row) => (row.day ? day(row.day) : NONE),
    project: (row) => row.project_name ?? NONE,
    user: (row) => row.user_name ?? t("report.nobody"),
    flavor: (row) => row.flavor || t("report.noGpu"),
  };
  return (
    <div className={table.scroll} tabIndex={0} role="region" aria-label={t("tab.report")}>
      <table className={table.table}>
        <thead>
          <tr>
            {keys.map((key) => (
              <th scope="col" key={key}>
                {t(`report.key.${key}`)}
              </th>
            ))}
            <th scope="col" className="num">{t("report.gpuHours")}</th>
            <th scope="col" className="num">{t("report.gpuHoursUsed")}</th>
            <th scope="col" className="num">{t("report.coreHours")}</th>
            <th scope="col" className="num">{t("report.cost", { currency })}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {keys.map((key) => (
                <td key={key}>{nameOf[key](row)}</td>
              ))}
              <td className="num">{value(Number(row.gpu_hours_requested))}</td>
              <td className="num">{value(Number(row.gpu_hours_used))}</td>
              <td className="num">{value(Number(row.core_hours_requested))}</td>
              <td className="num">{value(Number(row.cost), 6)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
