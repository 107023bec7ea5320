import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { thumbnailsQuery, type Sample } from "../api";
import classes from "./thumbnails.module.css";

interface Shown {
  ordinal: number;
  image: string | null;
  path: string;
  label: string | null;
}

/** Small pictures of rows of the sample, with the name and the folder of each. Nothing for a version without pictures. */
export function Thumbnails({ version, sample }: { version: string; sample: Sample }) {
  const { t } = useTranslation("datasets");
  const { data } = useQuery({ ...thumbnailsQuery(version), enabled: sample.columns.some(({ type }) => type === "image") });
  const shown = useMemo(() => (data ? named(data.thumbnails, sample) : []), [data, sample]);
  if (!shown.length) return null;
  return (
    <ul className={classes.grid} aria-label={t("sample.pictures")}>
      {shown.map(({ ordinal, image, path, label }) => (
        <li key={ordinal} title={path}>
          <span className={classes.frame}>
            {image ? <img src={image} alt={path} loading="lazy" /> : <span className={classes.broken}>{t("sample.broken")}</span>}
          </span>
          <span className={`${classes.name} cut`}>{label ?? path}</span>
        </li>
      ))}
    </ul>
  );
}

function named(thumbnails: readonly { ordinal: number; image: string | null }[], sample: Sample): Shown[] {
  const at = (name: string): number => sample.columns.findIndex((column) => column.name === name);
  const [path, label] = [at("path"), at("label")];
  const rows = new Map([...sample.first, ...sample.random].map((row) => [row.ordinal, row.values]));
  return thumbnails.map(({ ordinal, image }) => {
    const values = rows.get(ordinal) ?? [];
    return { ordinal, image, path: String(values[path] ?? ordinal), label: values[label] == null ? null : String(values[label]) };
  });
}
