import { Button, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { bytes, moment, percent } from "@/lib/format";
import { unfinishedQuery, useWrite, type UnfinishedUpload } from "../api";
import { dropUpload, fingerprintOf } from "../logic/tus";
import type { Upload } from "./use-uploads";
import classes from "./unfinished.module.css";

/** What the reader began to upload on this or another day, and what becomes of it: chosen again it goes on. Nothing where there is none. */
export function Unfinished({ chosen }: { chosen: readonly Upload[] }) {
  const { t } = useTranslation("datasets");
  const me = useMe();
  const found = useQuery(unfinishedQuery(me.id)).data ?? [];
  const here = new Set(chosen.map(({ file }) => fingerprintOf(file)));
  const rows = found.filter(({ fingerprint }) => !here.has(fingerprint));
  const [asked, setAsked] = useState<UnfinishedUpload | null>(null);
  const drop = useWrite(dropUpload);
  if (!rows.length) return null;
  return (
    <section className={classes.box} aria-label={t("upload.unfinished.title")}>
      <Text size="sm" fw={600}>
        {t("upload.unfinished.title")}
      </Text>
      <Text size="sm" className="soft">
        {t("upload.unfinished.hint")}
      </Text>
      <ul className={classes.list}>
        {rows.map((row) => (
          <li key={row.id} className={classes.row}>
            <span className={`${classes.name} cut`} title={row.name}>
              {row.name}
            </span>
            <span className="soft cut">{t("upload.unfinished.into", { name: row.dataset_name })}</span>
            <span className="num">{t("upload.unfinished.share", { share: percent(row.offset_bytes / row.size_bytes), size: bytes(row.size_bytes) })}</span>
            <span className="soft">{t("upload.unfinished.until", { time: moment(row.expires_at) })}</span>
            <Button variant="subtle" size="compact-xs" color="gray" aria-label={t("upload.unfinished.dropOf", { name: row.name })} onClick={() => setAsked(row)}>
              {t("upload.unfinished.drop")}
            </Button>
          </li>
        ))}
      </ul>
      <ConfirmDialog
        opened={asked !== null}
        onClose={() => setAsked(null)}
        title={t("upload.unfinished.ask", { name: asked?.name })}
        verb={t("upload.unfinished.drop")}
        onConfirm={() => (asked ? drop.mutateAsync(asked.id) : Promise.resolve())}
      >
        {t("upload.unfinished.effect")}
      </ConfirmDialog>
    </section>
  );
}
