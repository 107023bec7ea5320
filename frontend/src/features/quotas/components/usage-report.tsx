import { Button, Group, MultiSelect, SegmentedControl, Select } from "@mantine/core";
import { IconArrowDown, IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { count, day, NONE, value } from "@/lib/format";
import { useProject } from "@/lib/permissions";
import { reportQuery, type ReportKey, type ReportLine } from "../api";
import { flavorsOfQuery } from "../api-budgets";
import { FIGURES, sortedLines, totalOf, type Figure } from "../logic/report";
import table from "./table.module.css";
import classes from "./usage-report.module.css";

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
  const go = (change: { by?: string; window?: string; flavor?: string | undefined; sort?: string | undefined }): void => void navigate({ to: "/quotas", search: { ...search, ...change } });
  const range: Range = RANGES.find((each) => each === search.window) ?? "30d";
  const named = search.by?.split(",");
  const chosen = named ? KEYS.filter((key) => named.includes(key)) : [...BY];
  const [opened] = useState(() => Math.floor(Date.now() / DAY) * DAY);
  const from = new Date(opened - DAYS[range] * DAY).toISOString();
  const whole = { by: chosen.join(","), from, pool, ...(project ? { project: project.id } : {}), ...(search.flavor ? { flavor: search.flavor } : {}) };
  const kinds = useQuery(flavorsOfQuery(pool)).data ?? [];
  const sort = FIGURES.find((each) => each === search.sort);
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
          w={320}
          error={chosen.length ? undefined : t("report.choose")}
        />
        <Select
          label={t("report.key.flavor")}
          data={[{ value: "", label: t("report.allKinds") }, ...kinds.map(({ name }) => ({ value: name, label: name }))]}
          value={search.flavor ?? ""}
          onChange={(flavor) => go({ flavor: flavor || undefined })}
          allowDeselect={false}
          w={150}
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
                <Rows keys={chosen} rows={sortedLines(data.rows, sort)} currency={data.currency} sort={sort} onSort={(next) => go({ sort: next })} isWhole={data.is_complete} />
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

interface RowsProps {
  keys: readonly ReportKey[];
  rows: readonly ReportLine[];
  currency: string;
  /** Undefined: in the order of the columns. */
  sort: Figure | undefined;
  onSort: (sort: Figure | undefined) => void;
  /** These are all rows that there are. */
  isWhole: boolean;
}

/** How a figure is called. */
const WORDS = { gpu_hours_requested: "gpuHours", gpu_hours_used: "gpuHoursUsed", core_hours_requested: "coreHours", cost: "cost" } as const satisfies Record<Figure, string>;
const digitsOf = (figure: Figure): number => (figure === "cost" ? 6 : 4);

function Rows({ keys, rows, currency, sort, onSort, isWhole }: RowsProps) {
  const { t } = useTranslation("quotas");
  const nameOf: Record<ReportKey, (row: ReportLine) => string> = {
    day: (row) => (row.day ? day(row.day) : NONE),
    project: (row) => row.project_name ?? NONE,
    user: (row) => row.user_name ?? t("report.nobody"),
    flavor: (row) => row.flavor || t("report.noGpu"),
  };
  const most = Math.max(...rows.map((row) => Number(row[sort ?? "gpu_hours_requested"])));
  const unpriced = totalOf(rows, "gpu_hours_unpriced");
  return (
    <>
      <div className={table.scroll} tabIndex={0} role="region" aria-label={t("tab.report")}>
        <table className={table.table}>
          <thead>
            <tr>
              {keys.map((key) => (
                <th scope="col" key={key}>
                  {t(`report.key.${key}`)}
                </th>
              ))}
              {FIGURES.map((figure) => (
                <th scope="col" key={figure} className="num" aria-sort={sort === figure ? "descending" : undefined}>
                  <button type="button" className={classes.sort} onClick={() => onSort(sort === figure ? undefined : figure)}>
                    {t(`report.${WORDS[figure]}`, { currency })}
                    {sort === figure ? <IconArrowDown size={12} aria-hidden /> : null}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <tr key={index}>
                {keys.map((key) => (
                  <td key={key}>{nameOf[key](row)}</td>
                ))}
                {FIGURES.map((figure) => (
                  <td key={figure} className="num">
                    {value(Number(row[figure]), digitsOf(figure))}
                    {figure === (sort ?? "gpu_hours_requested") && most > 0 ? (
                      <span className={classes.track} aria-hidden>
                        <span style={{ width: `${(Number(row[figure]) / most) * 100}%` }} />
                      </span>
                    ) : null}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
          {rows.length > 1 && isWhole ? (
            <tfoot>
              <tr className={classes.total}>
                <th scope="row" colSpan={keys.length}>
                  {t("report.total")}
                </th>
                {FIGURES.map((figure) => (
                  <td key={figure} className="num">
                    {value(totalOf(rows, figure), digitsOf(figure))}
                  </td>
                ))}
              </tr>
            </tfoot>
          ) : null}
        </table>
      </div>
      {unpriced > 0 ? <p className="soft">{t("report.unpriced", { n: value(unpriced) })}</p> : null}
    </>
  );
}
