import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { versionQuery, type ValidationRunDetail } from "../api";
import { Results, Tally } from "./quality-results";
import job from "../pages/job-page.module.css";
import classes from "./quality.module.css";

/** The worst that a run found. */
export const verdictOf = ({ blocked_count: blocked, warned_count: warned }: ValidationRunDetail): "passed" | "warned" | "blocked" => (blocked ? "blocked" : warned ? "warned" : "passed");

/** What a validation run found, as the version's page shows it of the newest one. */
export function ValidationResults({ run }: { run: ValidationRunDetail }) {
  const { t } = useTranslation("quality");
  const version = useQuery(versionQuery(run.version));
  const results = run.results ?? [];
  return (
    <section className={job.part}>
      <h2>{t("result.table")}</h2>
      <div className={classes.summary}>
        <Tally results={results} />
      </div>
      <Faces query={version} loading={<LoadingFace rows={Math.min(results.length, 8)} />}>
        {(found) => (results.length ? <Results version={found} results={results} /> : null)}
      </Faces>
    </section>
  );
}
