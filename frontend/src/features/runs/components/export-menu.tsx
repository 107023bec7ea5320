import { Button, Menu } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import type { Compared } from "../api-compare";
import { curvesFile, tableFile, type RunsAsked } from "../api-list";
import { commonKeys } from "../compare";

/** Runs of one file, at most. */
const FILE_RUNS_MOST = 200_000;

/** The whole table as it is filtered and ordered, with the columns that are shown, as a file. */
export function ExportTable({ asked, total }: { asked: RunsAsked; total: number | undefined }) {
  const { t } = useTranslation("runs");
  return (
    <Menu position="bottom-end" width={300}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
          {t("list.export")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {total !== undefined && total > FILE_RUNS_MOST ? (
          // The server refuses it too: no file lacks some of the runs that were meant.
          <Menu.Label>{t("list.exportTooMany", { n: count(total), most: count(FILE_RUNS_MOST) })}</Menu.Label>
        ) : (
          <>
            <Menu.Label>{t("list.exportAll", { n: count(total) })}</Menu.Label>
            <Menu.Item component="a" href={tableFile(asked, "csv")} download>
              {t("list.exportCsv")}
            </Menu.Item>
            <Menu.Item component="a" href={tableFile(asked, "parquet")} download>
              {t("list.exportParquet")}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

/** Every point of the metrics of these runs as a file. */
export function ExportCurves({ ids, runs }: { ids: readonly string[]; runs: readonly Compared[] }) {
  const { t } = useTranslation("runs");
  const keys = commonKeys(runs.map(({ run }) => run));
  return (
    <Menu position="bottom-end" width={300}>
      <Menu.Target>
        <Button variant="default" leftSection={<IconDownload size={14} aria-hidden />} disabled={!keys.length}>
          {t("export.curves")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("export.which")}</Menu.Label>
        <Menu.Item component="a" href={curvesFile(ids, "csv")} download>
          {t("export.curvesCsv")}
        </Menu.Item>
        <Menu.Item component="a" href={curvesFile(ids, "parquet")} download>
          {t("export.curvesParquet")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
