import { Button, Loader, Title } from "@mantine/core";
import { IconAlertTriangle, IconCircleCheck, IconCircleX, IconPlayerStop, IconTerminal2 } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Faces, LoadingFace, NotFound } from "@/components/faces";
import { Story } from "@/components/story";
import { PageHeader } from "@/components/page-header";
import { WhyWaiting } from "@/components/why/why-waiting";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { LinkButton } from "@/components/link-button";
import { between, duration } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { SAID } from "@/lib/messages";
import { isOver, type Tone } from "@/lib/states";
import { useNow } from "@/lib/use-now";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { cancelJob, jobQuery, jobStoryQuery, keys, useWrite, versionQuery, type CleaningRun, type Ingestion, type Job, type JobKind, type Profile, type ValidationRunDetail } from "../api";
import { ParseAgain } from "../components/parse-again";
import { ReadAs } from "../components/read-as";
import { RejectedRows } from "../components/rejected-rows";
import { ReportRail } from "../components/report-rail";
import { ValidationResults, verdictOf } from "../components/validation-results";
import { originName } from "../logic/origins";
import { placeOf } from "../logic/show";
import classes from "./job-page.module.css";

const route = getRouteApi("/dataset-jobs/$kind/$jobId");
const KINDS: readonly JobKind[] = ["ingestion", "cleaning_run", "profile", "validation_run"];

/** A job that makes or measures a version: its state live, why it is in it, what came of it. */
export function JobPage() {
  const { kind, jobId } = route.useParams();
  const known = KINDS.find((each) => each === kind);
  return known ? <OfKind key={jobId} kind={known} id={jobId} /> : <NotFound />;
}

function OfKind({ kind, id }: { kind: JobKind; id: string }) {
  const interval = useFallbackInterval();
  const query = useQuery({ ...jobQuery(kind, id), refetchInterval: interval });
  useLiveRefresh(`${kind}.${id}`, [keys.all], 200);
  return (
    <Faces query={query} loading={<LoadingFace height={320} />}>
      {(job) => <Shown kind={kind} job={job} />}
    </Faces>
  );
}

interface About {
  title: string;
  /** The dataset that it belongs to. */
  dataset: { id: string; name: string };
  /** What came of it, once it has succeeded. */
  made: { id: string; number: number | null } | null;
}

function useAbout(kind: JobKind, job: Job): About {
  const { t } = useTranslation("datasets");
  if (kind === "ingestion") {
    const found = job as Ingestion;
    return {
      title: t("job.title.ingestion", { name: found.source_name ?? originName(found.origin) }),
      dataset: { id: found.dataset, name: found.dataset_name },
      made: found.version ? { id: found.version, number: found.version_number } : null,
    };
  }
  if (kind === "profile" || kind === "validation_run") {
    const found = job as Profile | ValidationRunDetail;
    return {
      title: t(`job.title.${kind}`, { name: found.dataset_name, number: found.version_number }),
      dataset: { id: found.dataset, name: found.dataset_name },
      made: found.state === "succeeded" ? { id: found.version, number: found.version_number } : null,
    };
  }
  const found = job as CleaningRun;
  return {
    title: t("job.title.cleaning_run", { name: found.input_dataset_name, number: found.input_version_number, recipe: found.recipe_name, recipeNumber: found.recipe_number }),
    dataset: { id: found.output_dataset, name: found.output_dataset_name },
    made: found.output_version ? { id: found.output_version, number: found.output_version_number } : null,
  };
}

function Shown({ kind, job }: { kind: JobKind; job: Job }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const about = useAbout(kind, job);
  const mayWrite = useHasRole("editor", job.project);
  useCrumbs([
    { title: t("title"), link: { to: "/datasets" } },
    { title: about.dataset.name, link: { to: "/datasets/$datasetId", params: { datasetId: about.dataset.id } } },
    { title: t(`job.${kind}`) },
  ]);
  return (
    <>
      <PageHeader
        title={about.title}
        badge={<StateBadge noun="job" state={job.state} />}
        lead={
          <>
            <Link to="/datasets/$datasetId" params={{ datasetId: about.dataset.id }}>
              {about.dataset.name}
            </Link>
            <AppendsTo kind={kind} job={job} />
            {job.requested_by_name ? <span>{tCommon("by", { name: job.requested_by_name })}</span> : null}
            <Ago at={job.created_at} />
            <Lasted job={job} />
            <Link to="/workloads/$workloadId" params={{ workloadId: job.workload }}>
              <IconTerminal2 size={14} aria-hidden className={classes.icon} /> {t("job.logs")}
            </Link>
          </>
        }
        actions={mayWrite && !isOver(job.state) ? <Cancel kind={kind} job={job} title={about.title} /> : undefined}
      />
      <Outcome kind={kind} job={job} about={about} />
      {kind === "ingestion" ? <ReadAs ingestion={job as Ingestion} /> : null}
      {kind === "ingestion" ? <RejectedRows ingestion={job as Ingestion} /> : null}
      {kind === "ingestion" && mayWrite && isOver(job.state) ? <ParseAgain ingestion={job as Ingestion} /> : null}
      {kind === "cleaning_run" && mayWrite && isOver(job.state) && !about.made ? <CleanAgain run={job as CleaningRun} /> : null}
      {kind === "cleaning_run" && about.made ? (
        <section className={classes.part}>
          <h2>{t("tab.report")}</h2>
          <ReportRail version={about.made.id} />
        </section>
      ) : null}
      {kind === "validation_run" && job.state === "succeeded" ? <ValidationResults run={job as ValidationRunDetail} /> : null}
      <section className={classes.part}>
        <h2>{t("tab.story")}</h2>
        <Story noun="job" query={jobStoryQuery(kind, job.id)} label={t("tab.story")} />
      </section>
    </>
  );
}

/** How long it has lasted, or lasts. */
function Lasted({ job }: { job: Job }) {
  const { t } = useTranslation("datasets");
  const now = useNow(1);
  const isDone = isOver(job.state);
  return <span>{t(isDone ? "job.took" : "job.lasts", { duration: duration(between(job.created_at, isDone ? job.state_at : null, now)) })}</span>;
}

/** What came of it, and how it looks. A version that was made may be kept back. */
function useMade(kind: JobKind, job: Job, { dataset, made }: About): { title: string; tone: Tone } {
  const { t } = useTranslation("datasets");
  const makes = kind === "ingestion" || kind === "cleaning_run";
  const version = useQuery({ ...versionQuery(made?.id ?? ""), enabled: makes && made !== null }).data;
  if (kind === "profile") return { title: t("job.profiled"), tone: "succeeded" };
  const number = made?.number;
  if (kind === "validation_run") {
    const verdict = verdictOf(job as ValidationRunDetail);
    return { title: t(`job.validated.${verdict}`, { number }), tone: VERDICTS[verdict] };
  }
  const about = { name: dataset.name, number };
  if (version?.state === "published" || version?.state === "deprecated") return { title: t("job.published", about), tone: "succeeded" };
  if (version?.state !== "validating") return { title: t("job.made", about), tone: "succeeded" };
  const isChecked = version.state_message.some(({ code }) => code === "quality_checked");
  return { title: t(isChecked ? "job.checked" : "job.kept", about), tone: isChecked ? "running" : "waiting" };
}

const VERDICTS = { passed: "succeeded", warned: "waiting", blocked: "failed" } as const;

/** The state in words, with what there is to do next. */
function Outcome({ kind, job, about }: { kind: JobKind; job: Job; about: About }) {
  const { t } = useTranslation("datasets");
  const { title, tone } = useMade(kind, job, about);
  if (job.state === "succeeded" && about.made) {
    return (
      <Banner tone={tone} icon={tone === "succeeded" ? <IconCircleCheck aria-hidden /> : <IconAlertTriangle aria-hidden />} title={title}>
        <LinkButton to="/dataset-versions/$versionId" params={{ versionId: about.made.id }} search={kind === "validation_run" || tone !== "succeeded" ? { tab: "quality" } : {}}>
          {t("job.open", { number: about.made.number })}
        </LinkButton>
      </Banner>
    );
  }
  if (job.state === "succeeded") return <Banner tone="succeeded" icon={<IconCircleCheck aria-hidden />} title={t("job.nothingNew")} />;
  if (job.state === "failed") {
    // What is said in the reader's language names the place itself.
    const place = job.state_message.every(({ code }) => code === SAID) ? placeOf(job.state_detail) : null;
    return (
      <Banner tone="failed" icon={<IconCircleX aria-hidden />} title={kind === "ingestion" ? t("job.unparsed") : t("job.failed")}>
        {place ? <p className={classes.place}>{place.column === null ? t("job.atLine", place) : t("job.atColumn", { line: place.line, column: place.column })}</p> : null}
        <Reason reason={job.state_reason} detail={job.state_detail} message={job.state_message} />
      </Banner>
    );
  }
  if (isOver(job.state)) {
    return (
      <Banner tone="cancelled" icon={<IconPlayerStop aria-hidden />} title={t("job.ended")}>
        <Reason reason={job.state_reason} detail={job.state_detail} message={job.state_message} />
      </Banner>
    );
  }
  if (job.state === "queued") {
    return <WhyWaiting workload={job.workload} fallback={{ reason: job.workload_reason ?? "", detail: job.workload_detail ?? "", message: job.workload_message ?? [] }} />;
  }
  return (
    <Banner tone="running" icon={<Loader size={18} color="currentColor" />} title={t(`job.runs.${kind}`)}>
      <span className="soft">{t("job.mayLeave")}</span>
    </Banner>
  );
}

/** Back to the editor, with the recipe that did not work. */
function CleanAgain({ run }: { run: CleaningRun }) {
  const { t } = useTranslation("datasets");
  return (
    <section className={classes.part}>
      <LinkButton to="/dataset-versions/$versionId/clean" params={{ versionId: run.input_version }} search={{ recipe: run.recipe }}>
        {t("job.cleanAgain")}
      </LinkButton>
    </section>
  );
}

function Banner({ tone, icon, title, children }: { tone: Tone; icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className={classes.banner} data-tone={tone} role="status">
      {icon}
      <div className={classes.said}>
        <Title order={2}>{title}</Title>
        {children}
      </div>
    </div>
  );
}

function Cancel({ kind, job, title }: { kind: JobKind; job: Job; title: string }) {
  const { t } = useTranslation("datasets");
  const [asking, setAsking] = useState(false);
  const write = useWrite(cancelJob);
  return (
    <>
      <Button variant="default" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={() => setAsking(true)}>
        {t("job.cancel")}
      </Button>
      <ConfirmDialog opened={asking} onClose={() => setAsking(false)} title={t("job.cancelTitle", { title })} verb={t("job.cancel")} onConfirm={() => write.mutateAsync({ kind, id: job.id })}>
        {t("job.cancelEffect")}
      </ConfirmDialog>
    </>
  );
}

/** The version that the new one begins with. */
function AppendsTo({ kind, job }: { kind: JobKind; job: Job }) {
  const { t } = useTranslation("datasets");
  const { append_to: base, append_to_number: number } = kind === "ingestion" ? (job as Ingestion) : { append_to: null, append_to_number: null };
  if (!base) return null;
  return (
    <Link to="/dataset-versions/$versionId" params={{ versionId: base }}>
      {t("version.appended", { number })}
    </Link>
  );
}
