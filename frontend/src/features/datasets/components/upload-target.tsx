import { SegmentedControl, Select, Stack, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { rowsOf } from "@/api/pages";
import { datasetsQuery } from "../api";
import classes from "./upload-target.module.css";

/** Where files go. */
export interface Target {
  mode: "new" | "existing" | "each";
  project: string | null;
  name: string;
  title: string;
  dataset: string | null;
}

interface Props {
  target: Target;
  onChange: (target: Target) => void;
  /** More than one file: each may become a dataset of its own. */
  several: boolean;
  /** `ApiError.fields` of the dataset that could not be made. */
  errors: Readonly<Record<string, readonly string[]>>;
  disabled: boolean;
}

/** A new dataset, one that is there, or one for each file. */
export function UploadTarget({ target, onChange, several, errors, disabled }: Props) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const me = useMe();
  const projects = me.projects.filter((project) => me.is_superuser || project.role !== "viewer");
  const set = (change: Partial<Target>): void => onChange({ ...target, ...change });
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label={t("upload.target")}
        value={target.mode}
        disabled={disabled}
        onChange={(mode) => set({ mode: mode as Target["mode"] })}
        className={classes.modes}
        data={[
          { value: "new", label: t("upload.mode.new") },
          { value: "existing", label: t("upload.mode.existing") },
          ...(several ? [{ value: "each", label: t("upload.mode.each") }] : []),
        ]}
      />
      {target.mode === "existing" ? (
        <Existing target={target} onChange={(dataset) => set({ dataset })} disabled={disabled} />
      ) : (
        <div className={classes.fields}>
          <Select
            label={tCommon("top.project")}
            data={projects.map((project) => ({ value: project.id, label: project.name }))}
            value={target.project}
            onChange={(project) => set({ project })}
            allowDeselect={false}
            searchable={projects.length > 8}
            disabled={disabled}
            error={errors.project?.join(" ")}
          />
          {target.mode === "new" ? (
            <>
              <TextInput
                label={t("upload.name")}
                description={t("upload.nameHint")}
                inputWrapperOrder={["label", "input", "error", "description"]}
                value={target.name}
                onChange={(event) => set({ name: event.currentTarget.value })}
                maxLength={60}
                required
                disabled={disabled}
                error={errors.name?.join(" ")}
              />
              <TextInput
                label={t("upload.titleField")}
                value={target.title}
                onChange={(event) => set({ title: event.currentTarget.value })}
                maxLength={120}
                disabled={disabled}
                error={errors.title?.join(" ")}
              />
            </>
          ) : null}
        </div>
      )}
    </Stack>
  );
}

function Existing({ target, onChange, disabled }: { target: Target; onChange: (dataset: string | null) => void; disabled: boolean }) {
  const { t } = useTranslation("datasets");
  const query = useInfiniteQuery(datasetsQuery({ sort: "name" }));
  const datasets = rowsOf(query.data);
  return (
    <Select
      label={t("upload.dataset")}
      placeholder={t("upload.datasetChoose")}
      data={datasets.map((dataset) => ({ value: dataset.id, label: `${dataset.project_name} / ${dataset.name}` }))}
      value={target.dataset}
      onChange={onChange}
      searchable
      limit={100}
      allowDeselect={false}
      disabled={disabled}
      nothingFoundMessage={t("upload.noDataset")}
      maw={420}
    />
  );
}
