import { useTranslation } from "react-i18next";
import type { StartBand, Why } from "@/api/why";
import { clock, moment, rough, when } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { BandBar } from "./start-band";
import classes from "./why.module.css";

/** When it is expected to start: the middle, and the band in which four of five do, as times and from now on. */
export function Expected({ why }: { why: Why }) {
  const { t } = useTranslation("why");
  const band = why.estimate;
  return (
    <div className={classes.expected}>
      <h2 className={classes.head}>{t("expected")}</h2>
      {band ? <Band band={band} /> : <p className="soft">{t(why.place ? "noEstimate" : "noEstimateHeld")}</p>}
    </div>
  );
}

function Band({ band }: { band: StartBand }) {
  const { t } = useTranslation("why");
  const now = useNow(5);
  const words = useBandWords();
  const from = Math.min(now, Date.parse(band.low_at));
  const to = Math.max(Date.parse(band.high_at), now) + 60_000;
  return (
    <>
      <p className={classes.about} title={moment(band.start_at)}>
        <strong>{t("about", { at: when(band.start_at, now) })}</strong> <span>{words.relative(band)}</span>
      </p>
      <BandBar band={band} from={from} to={to + (to - from) * 0.08} />
      <div className={classes.axis} aria-hidden>
        <span>{from < now ? clock(from) : t("now")}</span>
        <span>{when(to, now)}</span>
      </div>
      <p className={classes.between}>{words.between(band)}</p>
    </>
  );
}

/** A band in words, as of now. */
export function useBandWords() {
  const { t } = useTranslation("why");
  const now = useNow(5);
  const ahead = (at: string): number => (Date.parse(at) - now) / 1000;
  return {
    /** `in 23 min`. */
    relative: ({ start_at }: Pick<StartBand, "start_at">): string => (ahead(start_at) > 1 ? t("in", { span: rough(ahead(start_at)) }) : t("anyMoment")),
    /** `Between 14:10 and 14:55 in four of five cases: in 13 min to 58 min.` */
    between: (band: StartBand): string => {
      const said = { low: when(band.low_at, now), high: when(band.high_at, now), soonest: rough(ahead(band.low_at)), latest: rough(ahead(band.high_at)) };
      if (ahead(band.high_at) <= 1) return t("late", said);
      return ahead(band.low_at) > 1 ? t("between", said) : t("until", said);
    },
  };
}
