import { Select } from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { bytes, count } from "@/lib/format";
import { datasetsQuery, publishedQuery, versionQuery } from "../../api-submit";
import { useTyped } from "../use-typed";
import classes from "./submit.module.css";

interface Props {
  projectId: string | undefined;
  version: string | undefined;
  onChange: (version: string | undefined) => void;
  error?: string | undefined;
  /** The built-in trainer needs a version with a split. */
  needsSplit: boolean;
  required?: boolean;
}

/** A dataset, and which of its versions; of one that is not published yet the run waits until it is. */
export function DataPicker({ projectId, version, onChange, error, needsSplit, required = true }: Props) {
  const { t } = useTranslation("runs");
  const { words, onSearch } = useTyped();
  const [browsed, setBrowsed] = useState<string>();
  const chosen = useQuery({ ...versionQuery(version ?? ""), enabled: version !== undefined }).data;
  const dataset = version === undefined ? browsed : chosen?.dataset;
  const found = useQuery({ ...datasetsQuery(projectId, words), placeholderData: keepPreviousData }).data?.results ?? [];
  const versions = useQuery({ ...publishedQuery(dataset ?? ""), enabled: dataset !== undefined }).data;
  const named = found.map(({ id, name, project_name: of }) => ({ value: id, label: projectId ? name : `${of} / ${name}` }));
  const datasets = chosen && !named.some(({ value }) => value === chosen.dataset) ? [...named, { value: chosen.dataset, label: chosen.dataset_name }] : named;
  const choose = (id: string | null): void => {
    setBrowsed(id ?? undefined);
    // Most people want the newest; it is shown, and may be changed.
    onChange(found.find((each) => each.id === id)?.latest_version?.id);
  };
  const hasNoSplit = needsSplit && chosen && !Object.keys(chosen.splits).length;
  return (
    <div className={classes.pair}>
      <Select
        searchable
        required={required}
        clearable={!required}
        label={t("column.dataset")}
        placeholder={t("submit.chooseDataset")}
        data={datasets}
        value={dataset ?? null}
        onChange={choose}
        onSearchChange={(text) => onSearch(text, datasets.find(({ value }) => value === dataset)?.label)}
        filter={({ options }) => options}
        nothingFoundMessage={t("submit.noDataset")}
        error={version === undefined && dataset === undefined ? error : undefined}
        data-path="dataset_version"
      />
      <Select
        required={required}
        label={t("submit.version")}
        disabled={dataset === undefined}
        data={(versions ?? (chosen ? [chosen] : [])).map(({ id, number, row_count: rows, state }) => ({
          value: id,
          label: t(state === "validating" ? "submit.versionWaits" : "submit.versionOf", { number, rows: count(rows) }),
        }))}
        value={version ?? null}
        onChange={(id) => onChange(id ?? undefined)}
        allowDeselect={false}
        placeholder={versions && !versions.length ? t("submit.noVersion") : ""}
        error={dataset === undefined ? undefined : (error ?? (hasNoSplit ? t("submit.noSplit") : undefined))}
        description={chosen ? bytes(chosen.size_bytes) : undefined}
        inputWrapperOrder={["label", "input", "description", "error"]}
      />
    </div>
  );
}
