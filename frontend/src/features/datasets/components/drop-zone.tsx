import { Button } from "@mantine/core";
import { IconFileUpload } from "@tabler/icons-react";
import { useRef, useState, type DragEvent } from "react";
import { useTranslation } from "react-i18next";
import classes from "./drop-zone.module.css";

interface Props {
  onFiles: (files: File[]) => void;
  disabled?: boolean;
}

const ENDINGS = ".csv,.tsv,.tab,.jsonl,.ndjson,.parquet";

/** Files by drag and drop or by the browser's own choice. */
export function DropZone({ onFiles, disabled = false }: Props) {
  const { t } = useTranslation("datasets");
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const isFiles = (event: DragEvent): boolean => !disabled && [...event.dataTransfer.types].includes("Files");
  const drag = (event: DragEvent): void => {
    if (!isFiles(event)) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (isFiles(event)) onFiles([...event.dataTransfer.files]);
  };
  return (
    <div className={classes.zone} data-over={over || undefined} onDragEnter={drag} onDragOver={drag} onDragLeave={() => setOver(false)} onDrop={drop}>
      <IconFileUpload size={24} aria-hidden />
      <span>{t("upload.drop")}</span>
      <Button variant="default" disabled={disabled} onClick={() => input.current?.click()}>
        {t("upload.choose")}
      </Button>
      <span className="soft">{t("upload.formats")}</span>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        accept={ENDINGS}
        aria-label={t("upload.choose")}
        onChange={(event) => {
          onFiles([...(event.currentTarget.files ?? [])]);
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}
