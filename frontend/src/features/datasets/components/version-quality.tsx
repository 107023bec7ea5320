import { Button, Text } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useLiveRefresh } from "@/live/use-live";
import { keys, useWrite, type VersionDetail } from "../api";
import { qualityQuery, validateVersion, type Quality } from "../quality";
import { Results, Tally } from "./quality-results";
import classes from "./quality.module.css";

/** What became of each expectation in this version, and what waits for it. */
export function VersionQuality({ version }: { version: VersionDetail }) {
  return (
    <Faces query={useQuery(qualityQuery(version.id))} loading={<LoadingFace rows={8} />}>
      {(quality) => (
        <>
          {quality.under_way ? <FollowRun id={quality.under_way.id} version={version.id} /> : null}
          <Head version={version} quality={quality} />
          {quality.newest?.results?.length ? <Results version={version} results={quality.newest.results} /> : null}
          <WaitingFor quality={quality} />
        </>
      )}
    </Faces>
  );
}

function FollowRun({ id, version }: { id: string; version: string }) {
  useLiveRefresh(`validation_run.${id}`, [keys.version(version)]);
  return null;
}

function Head({ version, quality }: { version: VersionDetail; quality: Quality }) {
  const { t } = useTranslation("quality");
  // Of one that is validating the verbs stand above, beside why.
  const mayWrite = useHasRole("editor", version.project) && version.state === "published";
  const write = useWrite(validateVersion);
  const { newest, under_way: underWay, failed_run: failedRun } = quality;
  return (
    <div className={classes.summary}>
      {newest ? (
        <>
          <Tally results={newest.results ?? []} />
          <span className="soft">
            {t("result.at")} <Ago at={newest.state_at} />
          </span>
          <ToJob id={newest.id} />
        </>
      ) : underWay ? null : (
        <Text className="soft">{quality.expectation_count ? t("result.none") : t("result.noneExpected")}</Text>
      )}
      <Link to="/datasets/$datasetId" params={{ datasetId: version.dataset }} search={{ tab: "quality" }}>
        {t("result.toDataset")}
      </Link>
      {mayWrite && !underWay && quality.expectation_count > 0 ? (
        <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} loading={write.isPending} onClick={() => write.mutate(version.id)}>
          {t("gate.validate")}
        </Button>
      ) : null}
      <div role="status">
        {underWay ? (
          <Text size="sm">
            {t("result.underWay")} <ToJob id={underWay.id} />
          </Text>
        ) : quality.is_outdated ? <Text size="sm" c="var(--waiting)">{t("result.outdated")}</Text> : null}
        {failedRun && !underWay ? (
          <Text size="sm" c="var(--failed)">
            {t("result.failedRun")} <Reason reason={failedRun.state_reason} detail={failedRun.state_detail} message={failedRun.state_message} /> <ToJob id={failedRun.id} />
          </Text>
        ) : null}
      </div>
    </div>
  );
}

/** To its state, its output, and why it failed. */
function ToJob({ id }: { id: string }) {
  const { t } = useTranslation("quality");
  return (
    <Link to="/dataset-jobs/$kind/$jobId" params={{ kind: "validation_run", jobId: id }}>
      {t("result.toJob")}
    </Link>
  );
}

function WaitingFor({ quality }: { quality: Quality }) {
  const { t } = useTranslation("quality");
  if (!quality.waiting_count) return null;
  return (
    <section className={classes.waiting} aria-labelledby="waiting-for">
      <h2 id="waiting-for">{t("gate.waitingTitle")}</h2>
      <Text size="sm" className="soft">
        {t("gate.waiting", { count: quality.waiting_count, n: count(quality.waiting_count) })}
      </Text>
      <ul>
        {quality.waiting.map((one) => (
          <li key={one.id}>
            {one.owner_kind === "run" && one.owner ? (
              <Link to="/runs/$runId" params={{ runId: one.owner }}>
                {one.workload_name}
              </Link>
            ) : (
              <Link to="/workloads/$workloadId" params={{ workloadId: one.workload }}>
                {one.workload_name}
              </Link>
            )}
            <Ago at={one.created_at} />
          </li>
        ))}
      </ul>
    </section>
  );
}
