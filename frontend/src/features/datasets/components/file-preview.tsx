import { Text } from "@mantine/core";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { decoded, formatOf, previewOf, PREVIEW_BYTES, type Preview } from "../logic/preview";
import classes from "./file-preview.module.css";

/** The first bytes of a file; undefined until they are read. */
function useHead(file: File | undefined): ArrayBuffer | undefined {
  const [head, setHead] = useState<{ file: File; bytes: ArrayBuffer } | undefined>(undefined);
  useEffect(() => {
    if (!file) return undefined;
    let current = true;
    void file
      .slice(0, PREVIEW_BYTES)
      .arrayBuffer()
      .then((bytes) => {
        if (current) setHead({ file, bytes });
      });
    return () => {
      current = false;
    };
  }, [file]);
  return head && head.file === file ? head.bytes : undefined;
}

/** What the options make of the beginning of a file; undefined while it is read. */
export function usePreview(file: File | undefined, options: Readonly<Record<string, unknown>>): Preview | null | undefined {
  const head = useHead(file);
  const { format, delimiter, header, encoding, quote, comment, skip_rows: skipRows } = options;
  return useMemo(() => {
    if (!file || !head) return undefined;
    const text = decoded(head, typeof encoding === "string" ? encoding : null);
    if (text === null) return null;
    return previewOf(file.size > PREVIEW_BYTES ? text.slice(0, text.lastIndexOf("\n") + 1) : text, {
      format: typeof format === "string" ? format : formatOf(file.name),
      delimiter: typeof delimiter === "string" ? delimiter : null,
      header: typeof header === "boolean" ? header : null,
      quote: typeof quote === "string" ? quote : null,
      comment: typeof comment === "string" ? comment : null,
      skipRows: typeof skipRows === "number" ? skipRows : 0,
    });
  }, [file, head, format, delimiter, header, encoding, quote, comment, skipRows]);
}

/** The first rows, so that one sees what the options do before anything is sent. */
export function FilePreview({ name, preview }: { name: string; preview: Preview | null | undefined }) {
  const { t } = useTranslation("datasets");
  if (preview === undefined) return null;
  if (preview === null) return <Text size="sm" className="soft">{t("upload.noPreview", { name })}</Text>;
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label={t("upload.previewOf", { name })}>
      <p className={classes.caption}>{t("upload.previewOf", { name })}</p>
      <table className={classes.table} aria-label={t("upload.previewOf", { name })}>
        <thead>
          <tr>
            {preview.columns.map((column, index) => (
              <th key={index} scope="col">{column}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {preview.rows.map((row, index) => (
            <tr key={index}>
              {preview.columns.map((_, at) => (
                <td key={at}>{row[at] ?? ""}</td>
              ))}
              {row.length > preview.columns.length ? <td className={classes.extra}>{t("upload.extraFields", { count: row.length - preview.columns.length, n: row.length - preview.columns.length })}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
