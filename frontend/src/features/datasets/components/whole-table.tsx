import { Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import type { Profile, ProfileTable, VersionDetail } from "../api";
import { share } from "../logic/show";
import { TableFindings } from "./findings";
import { HeatMap } from "./heat-map";
import { ImagesPart } from "./images-part";
import { LeftOut } from "./left-out";
import { MissingMap } from "./missing-map";
import { TargetPart } from "./target-part";
import classes from "./whole-table.module.css";

interface Props {
  version: VersionDetail;
  result: NonNullable<Profile["result"]>;
  /** A profile for another target is under way. */
  isPending: boolean;
}

export const WHOLE_TABLE = "whole-table";

/** What a profile tells of columns together. */
export function WholeTable({ version, result, isPending }: Props) {
  const { t } = useTranslation("profile");
  const { table } = result;
  return (
    <section id={WHOLE_TABLE} aria-label={t("table.title")} className={classes.whole} tabIndex={-1}>
      <Title order={2}>{t("table.title")}</Title>
      {table ? <Parts version={version} table={table} rows={result.row_count} isPending={isPending} /> : <p className="soft">{t("table.old")}</p>}
    </section>
  );
}

function Parts({ version, table, rows, isPending }: { version: VersionDetail; table: ProfileTable; rows: number; isPending: boolean }) {
  const { t } = useTranslation("profile");
  return (
    <>
      {table.rows_looked_at < rows ? <p className={classes.lead}>{t("table.lookedAt", { n: count(table.rows_looked_at), rows: count(rows) })}</p> : null}
      <div className={classes.parts}>
        {table.findings.length ? (
          <Part title={t("table.findings")} wide>
            <TableFindings findings={table.findings} version={version} columns={table.findings.length > 3} />
          </Part>
        ) : null}
        {table.images ? (
          <Part title={t("images.title")} wide>
            <ImagesPart version={version.id} images={table.images} />
          </Part>
        ) : null}
        <Part title={t("relations.title")} wide>
          <Relations relations={table.relations} />
        </Part>
        <Part title={t("target.title")}>
          <TargetPart version={version} target={table.target} rows={table.rows_looked_at} isPending={isPending} />
        </Part>
        <div className={classes.stack} data-wide={table.missing.columns.length > 12 || undefined}>
          <Part title={t("missing.title")}>
            <MissingMap missing={table.missing} />
          </Part>
          <Part title={t("keys.title")}>
            <Keys table={table} rows={rows} />
          </Part>
        </div>
      </div>
    </>
  );
}

function Part({ title, wide = false, children }: { title: string; wide?: boolean; children: ReactNode }) {
  return (
    <section className={`${classes.part} surface`} data-wide={wide || undefined}>
      <Title order={3}>{title}</Title>
      {children}
    </section>
  );
}

function Relations({ relations }: { relations: ProfileTable["relations"] }) {
  const { t } = useTranslation("profile");
  return (
    <>
      {relations.columns.length > 1 ? <HeatMap relations={relations} /> : <p className="soft">{t("relations.none")}</p>}
      <LeftOut title={t("relations.leftOut")} columns={relations.left_out.map(({ name, reason }) => ({ name, why: t(`relations.reason.${reason}`) }))} />
    </>
  );
}

function Keys({ table, rows }: { table: ProfileTable; rows: number }) {
  const { t } = useTranslation("profile");
  const { keys, duplicates } = table;
  return (
    <>
      {keys.length ? (
        <ul className={classes.keys}>
          {keys.map((key) => (
            <li key={key.columns.join("\n")}>
              {key.columns.map((name, index) => (
                <span key={name}>
                  {index ? " + " : ""}
                  <code>{name}</code>
                </span>
              ))}
              {key.is_exact ? null : <span className="soft"> {t("keys.estimated")}</span>}
            </li>
          ))}
        </ul>
      ) : (
        <p className="soft">{t(duplicates.rows ? "keys.noneTwice" : "keys.none")}</p>
      )}
      <dl className={classes.duplicates} data-some={duplicates.rows > 0 || undefined}>
        <dt>{t("keys.duplicates")}</dt>
        <dd>
          {duplicates.rows ? `${duplicates.is_exact ? "" : "≈ "}${count(duplicates.rows)} · ${share(duplicates.rows, rows)}` : t("keys.noDuplicates")}
        </dd>
      </dl>
    </>
  );
}
