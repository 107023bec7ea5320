import { memo } from "react";
import { useTranslation } from "react-i18next";
import { Histogram } from "@/components/histogram";
import { count } from "@/lib/format";
import type { Column, ColumnProfile } from "../api";
import { edgeFormat, hasBars } from "../logic/show";
import { Findings } from "./findings";
import { NullBar } from "./null-bar";
import { TopValues } from "./top-values";
import classes from "./column-card.module.css";

export const CARD_HEIGHT = 172;

interface Props {
  column: Column;
  profile: ColumnProfile | undefined;
  rows: number;
  isOpen: boolean;
  onOpen: (name: string) => void;
}

/** A column at a glance: name, type, what is missing, how its values lie, what catches the eye. Opens its statistics. */
export const ColumnCard = memo(function ColumnCard({ column, profile, rows, isOpen, onOpen }: Props) {
  const { t } = useTranslation("datasets");
  return (
    <article className={classes.card} style={{ height: CARD_HEIGHT }} data-open={isOpen || undefined} data-column={column.name}>
      <div className={classes.head}>
        <button type="button" className={`${classes.name} cut`} title={column.name} aria-expanded={isOpen} onClick={() => onOpen(column.name)}>
          {column.name}
        </button>
        <span className={classes.type}>{t(`type.${column.type}`)}</span>
      </div>
      {profile ? (
        <>
          <NullBar missing={profile.null_count} rows={rows} />
          <div className={classes.values}>
            <Values profile={profile} rows={rows} />
          </div>
          {profile.findings.length ? (
            <Findings findings={profile.findings} brief />
          ) : (
            <span className={classes.foot}>{profile.type === "image" ? "" : t("column.distinct", { count: profile.distinct_count, n: count(profile.distinct_count) })}</span>
          )}
        </>
      ) : (
        <span className={classes.foot}>{column.nullable ? t("column.nullable") : t("column.notNullable")}</span>
      )}
    </article>
  );
});

function Values({ profile, rows }: { profile: ColumnProfile; rows: number }) {
  const { t } = useTranslation("datasets");
  const { histogram } = profile;
  if (profile.type === "image") return null;
  if (!hasBars(profile) || !histogram) return <TopValues column={profile} rows={rows} most={4} />;
  const format = edgeFormat(profile.type, histogram.edges);
  const label = t("column.bars", { name: profile.name, from: format(histogram.edges[0] ?? 0), to: format(histogram.edges.at(-1) ?? 0) });
  return <Histogram counts={histogram.counts} edges={histogram.edges} format={format} label={label} height={56} withAxis isDiscrete={histogram.is_discrete} />;
}
