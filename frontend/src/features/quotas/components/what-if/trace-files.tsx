import { FileInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

interface Chosen {
  file: File;
  text: string;
}

/** A recorded trace: its tasks, and maybe its machines. */
export interface Files {
  tasks?: Chosen;
  nodes?: Chosen;
}

interface Props {
  files: Files;
  onChange: (files: Files) => void;
}

/** The files of a trace; they are read here and sent with the question. */
export function TraceFiles({ files, onChange }: Props) {
  const { t } = useTranslation("quotas");
  const put = (name: keyof Files, file: File | null): void => {
    if (file) void file.text().then((text) => onChange({ ...files, [name]: { file, text } }));
    else onChange({ ...files, [name]: undefined });
  };
  return (
    <>
      <FileInput label={t("whatIf.traceTasks")} description={t("whatIf.traceTasksSaid")} placeholder={t("whatIf.chooseFile")} accept=".csv,text/csv" clearable value={files.tasks?.file ?? null} onChange={(file) => put("tasks", file)} />
      <FileInput label={t("whatIf.traceNodes")} description={t("whatIf.traceNodesSaid")} placeholder={t("whatIf.chooseFile")} accept=".csv,text/csv" clearable value={files.nodes?.file ?? null} onChange={(file) => put("nodes", file)} />
    </>
  );
}
