import { FileButton, Button, Textarea } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { bytes } from "@/lib/format";
import classes from "./submit.module.css";

interface Props {
  script: string;
  onChange: (script: string) => void;
  error?: string | undefined;
}

const MOST = 256 << 10;
const SAMPLE = `from workers.runtime.context import job_context

ctx = job_context()
for step in range(100):
    ctx.log_metrics({"train/loss": 1 / (step + 1)}, step)`;
const sizeOf = (text: string): number => new Blob([text]).size;

/** Python, written here or taken from a file. */
export function ScriptInput({ script, onChange, error }: Props) {
  const { t } = useTranslation("runs");
  const [refused, setRefused] = useState("");
  const take = async (file: File | null): Promise<void> => {
    if (!file) return;
    const text = file.size > MOST ? "" : await file.text();
    const isText = text !== "" && !text.includes("\u0000");
    setRefused(isText ? "" : file.size > MOST ? t("submit.scriptLarge", { most: bytes(MOST) }) : t("submit.scriptNoText", { name: file.name }));
    if (isText) onChange(text);
  };
  const size = sizeOf(script);
  return (
    <div>
      <div className={classes.head}>
        <FileButton accept=".py,text/x-python,text/plain" onChange={(file) => void take(file)}>
          {(props) => (
            <Button variant="default" leftSection={<IconUpload size={14} aria-hidden />} {...props}>
              {t("submit.upload")}
            </Button>
          )}
        </FileButton>
        <span className="soft">{script ? t("submit.scriptSize", { size: bytes(size), most: bytes(MOST) }) : t("submit.scriptHint")}</span>
      </div>
      <Textarea
        aria-label={t("submit.script")}
        classNames={{ input: classes.script ?? "" }}
        autosize
        minRows={8}
        maxRows={24}
        spellCheck={false}
        value={script}
        onChange={(event) => onChange(event.currentTarget.value)}
        error={refused || (size > MOST ? t("submit.scriptLarge", { most: bytes(MOST) }) : error)}
        placeholder={SAMPLE}
        data-path="script"
      />
    </div>
  );
}
