import { useTranslation } from "react-i18next";
import type { Accuracy, StartEstimate, Why } from "@/api/why";
import { count, moment, percent, rough, when } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import classes from "./why.module.css";

/** How the estimate comes about, how far those before it were off, and what was said of this one before. */
export function PastEstimates({ why, open = false }: { why: Why; open?: boolean }) {
  const { t } = useTranslation("why");
  return (
    <details className={classes.past} open={open}>
      <summary>{t("how")}</summary>
      <p>{t("method")}</p>
      <p>
        <Judged accuracy={why.accuracy} />
      </p>
      {why.history.length ? <History rows={why.history} /> : null}
    </details>
  );
}

/** The realised error of past estimates, in a sentence or two. */
function Judged({ accuracy }: { accuracy: Accuracy }) {
  const { t } = useTranslation("why");
  const { count: number, median_error_seconds: error, median_lateness_seconds: late, coverage_ratio: inside } = accuracy;
  if (!number || error === null) return <>{t("unjudged")}</>;
  const tends = late === null || Math.abs(late) < 1 ? "" : t(late > 0 ? "tendsLate" : "tendsEarly", { span: rough(Math.abs(late)) });
  return <>{[t("judged", { count: number, n: count(number), error: rough(error), inside: percent(inside) }), tends].filter(Boolean).join(" ")}</>;
}

function History({ rows }: { rows: readonly StartEstimate[] }) {
  const { t } = useTranslation("why");
  const now = useNow(30);
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("history")}>
      <table className={classes.table}>
        <caption>{t("history")}</caption>
        <thead>
          <tr>
            <th scope="col">{t("column.made")}</th>
            <th scope="col">{t("column.start")}</th>
            <th scope="col">{t("column.band")}</th>
            <th scope="col">{t("column.off")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.made_at}>
              <td title={moment(row.made_at)}>{when(row.made_at, now)}</td>
              <td title={moment(row.start_at)}>{when(row.start_at, now)}</td>
              <td>
                {when(row.low_at, now)} – {when(row.high_at, now)}
              </td>
              <td>
                <Off row={row} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** How far off it turned out to be. */
function Off({ row }: { row: StartEstimate }) {
  const { t } = useTranslation("why");
  const off = row.error_seconds;
  if (off === null || off === undefined) return <span className="soft">{t("open")}</span>;
  const span = rough(Math.abs(off));
  const words = Math.abs(off) < 1 ? t("exact") : t(off > 0 ? "later" : "earlier", { span });
  return <>{`${words} ${t(row.inside ? "inside" : "outside")}`}</>;
}
