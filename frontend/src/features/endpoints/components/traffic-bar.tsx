import { Link } from "@tanstack/react-router";
import type { CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { StateBadge } from "@/components/state-badge";
import { count, percent } from "@/lib/format";
import { seriesIndices } from "@/lib/series-colors";
import type { Revision } from "../api";
import classes from "./endpoints.module.css";

/** The colour of each revision, the same in the bar and in the charts. */
export function colorsOf(ids: readonly string[]): Map<string, string> {
  const found = seriesIndices([...ids].sort());
  return new Map([...found].map(([id, index]) => [id, `var(--series-${index})`]));
}

const colored = (color: string | undefined): CSSProperties => ({ "--color": color ?? "var(--soft)" }) as CSSProperties;

/** Which revision takes how much of the requests, by its weight. */
export function TrafficBar({ revisions, colors }: { revisions: readonly Revision[]; colors: ReadonlyMap<string, string> }) {
  const { t } = useTranslation("endpoints");
  const taking = revisions.filter(({ weight }) => weight > 0);
  const all = taking.reduce((sum, { weight }) => sum + weight, 0);
  return (
    <section className={`${classes.card} ${classes.traffic}`} aria-label={t("traffic.title")}>
      <h2>{t("traffic.title")}</h2>
      {taking.length ? (
        <div className={classes.bar} aria-hidden>
          {taking.map(({ id, number, weight }) => (
            <span key={id} style={{ ...colored(colors.get(id)), flex: `${weight} 1 0` }}>
              {t("revision.short", { number })} · {percent(weight / all)}
            </span>
          ))}
        </div>
      ) : (
        <p className="soft">{t("traffic.none")}</p>
      )}
      <ul className={classes.shares}>
        {taking.map((revision) => (
          <li key={revision.id}>
            <span className={classes.swatch} style={colored(colors.get(revision.id))} aria-hidden />
            <span>
              {t("traffic.share", { number: revision.number, share: percent(revision.weight / all) })}
            </span>
            <Link to="/model-versions/$versionId" params={{ versionId: revision.model_version }}>
              {revision.model_name} v{revision.model_version_number}
            </Link>
            <StateBadge noun="revision" state={revision.state} />
            <span className="soft">{t("replicas", { ready: count(revision.ready_replicas), wanted: count(revision.replicas), count: revision.replicas })}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
