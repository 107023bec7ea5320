import { Button } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { pictureQuery, SHOWN_BYTES_MOST, textQuery, type ComparedArtifact } from "../api-compare";
import { kindOfFile, prettyJson } from "../artifacts";
import classes from "./file-preview.module.css";

/** An artifact, as far as it is to be shown. */
export type ShownFile = Pick<ComparedArtifact, "id" | "sha256" | "size_bytes">;

/** What is in a file, where it can be shown by its name; else a way to download it. `of`: whose it is, in words. */
export function FilePreview({ file, name, of }: { file: ShownFile; name: string; of: string }) {
  const { t } = useTranslation("runs");
  const kind = kindOfFile(name);
  const shown = kind !== "other" && file.size_bytes <= (kind === "image" ? 8 : 1) * SHOWN_BYTES_MOST;
  if (!shown) {
    return (
      <p className="soft">
        {t(kind === "other" ? "artifacts.noPreview" : "artifacts.tooLarge")}{" "}
        <Button component="a" href={`/api/v1/artifacts/${file.id}/download`} download variant="subtle" size="compact-xs" leftSection={<IconDownload size={14} aria-hidden />} aria-label={t("files.download", { name: `${name} (${of})` })}>
          {t("verb.download", { ns: "common" })}
        </Button>
      </p>
    );
  }
  return kind === "image" ? <Picture file={file} name={name} of={of} /> : <TextFile file={file} label={`${name} (${of})`} isJson={kind === "json"} />;
}

function Picture({ file, name, of }: { file: ShownFile; name: string; of: string }) {
  const query = useQuery(pictureQuery(file, name));
  if (query.error) return <ErrorFace error={query.error} onRetry={() => void query.refetch()} />;
  return query.data ? <img className={classes.picture} src={query.data} alt={`${name} (${of})`} /> : <LoadingFace height={180} />;
}

/** The text of a file; undefined until it is there. */
export function useText(file: ShownFile, isJson: boolean) {
  const { data, error, refetch } = useQuery(textQuery(file));
  const text = useMemo(() => (data === undefined || !isJson ? data : prettyJson(data)), [data, isJson]);
  return { text, error, retry: () => void refetch() };
}

function TextFile({ file, label, isJson }: { file: ShownFile; label: string; isJson: boolean }) {
  const { text, error, retry } = useText(file, isJson);
  if (error) return <ErrorFace error={error} onRetry={retry} />;
  if (text === undefined) return <LoadingFace rows={5} />;
  return (
    <pre className={`mono ${classes.text}`} tabIndex={0} role="region" aria-label={label}>
      {text}
    </pre>
  );
}
