import { ActionIcon, Button, Progress } from "@mantine/core";
import { IconCircleCheck, IconCircleX, IconX } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "@/components/faces";
import { Reason } from "@/components/reason";
import { bytes, duration, percent } from "@/lib/format";
import { useFallbackInterval } from "@/live/use-live";
import { jobQuery, keys, type Ingestion } from "../api";
import { Follow } from "./follow";
import { JobState } from "./job-state";
import { isResumed, type Upload } from "./use-uploads";
import classes from "./upload-row.module.css";

interface Props {
  upload: Upload;
  isChosen: boolean;
  onChoose: (key: number) => void;
  onRemove: (key: number) => void;
  onCancel: (key: number) => void;
  onPause: (key: number) => void;
  onResume: (key: number) => void;
}

/** A file of the list: its size, how far it is, what became of it. */
export const UploadRow = memo(function UploadRow({ upload, isChosen, onChoose, onRemove, onCancel, onPause, onResume }: Props) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const { key, file, state, progress } = upload;
  const isUnderWay = state === "sending" || state === "waiting" || state === "paused";
  const isBusy = isUnderWay || state === "asking";
  const share = progress?.total ? progress.sent / progress.total : 0;
  return (
    <li className={classes.row} data-chosen={isChosen || undefined}>
      <button type="button" className={classes.name} aria-pressed={isChosen} onClick={() => onChoose(key)} title={file.name}>
        <span className="cut">{file.name}</span>
      </button>
      <span className={`${classes.size} num soft`}>{bytes(file.size)}</span>
      <span className={classes.state}>
        {isBusy ? <Progress value={share * 100} animated={state === "asking"} aria-label={t("upload.progress", { name: file.name })} className={classes.bar} /> : null}
        {state === "chosen" ? <span className="soft">{upload.begun ? t("upload.state.begun", { share: percent(share), name: upload.begun.dataset_name }) : t("upload.state.chosen")}</span> : null}
        {state === "waiting" ? <span className={classes.failed} role="status">{t("upload.state.waiting", { share: percent(share) })}</span> : null}
        {state === "paused" ? <span className="soft" role="status">{t("upload.state.paused", { share: percent(share) })}</span> : null}
        {state === "sending" ? <Pace upload={upload} share={share} /> : null}
        {state === "asking" ? <span className="soft">{t("upload.state.asking")}</span> : null}
        {state === "cancelled" ? <span className="soft">{t("upload.state.cancelled")}</span> : null}
        {state === "failed" ? <span className={classes.failed}><IconCircleX size={14} aria-hidden /> {t("upload.state.failed")}</span> : null}
        {upload.ingestion ? <Ingested id={upload.ingestion} /> : null}
      </span>
      {isBusy ? (
        <span className={classes.verbs}>
          {isUnderWay && isResumed(file) ? (
            <Button variant="subtle" size="compact-xs" color="gray" onClick={() => (state === "paused" ? onResume : onPause)(key)} aria-label={t(state === "paused" ? "upload.resumeOf" : "upload.pauseOf", { name: file.name })}>
              {t(state === "paused" ? "upload.resume" : "upload.pause")}
            </Button>
          ) : null}
          <Button variant="subtle" size="compact-xs" color="gray" onClick={() => onCancel(key)} disabled={state === "asking"}>
            {tCommon("verb.cancel")}
          </Button>
        </span>
      ) : (
        <ActionIcon aria-label={t("upload.remove", { name: file.name })} onClick={() => onRemove(key)}>
          <IconX size={14} aria-hidden />
        </ActionIcon>
      )}
      {state === "failed" ? (
        <div className={classes.error}>
          <ErrorDetails error={upload.error} />
        </div>
      ) : null}
    </li>
  );
});

function Pace({ upload, share }: { upload: Upload; share: number }) {
  const { t } = useTranslation("datasets");
  return (
    <span className={classes.pace}>
      {percent(share)}
      {upload.rate ? <span className="soft"> {t("upload.pace", { rate: bytes(upload.rate), left: duration(upload.left) })}</span> : null}
    </span>
  );
}

/** What became of the ingestion, live. */
function Ingested({ id }: { id: string }) {
  const { t } = useTranslation("datasets");
  const interval = useFallbackInterval();
  const { data } = useQuery({ ...jobQuery("ingestion", id), refetchInterval: interval });
  const job = data as Ingestion | undefined;
  if (!job) return <span className="soft">…</span>;
  return (
    <>
      <Follow subjects={[{ kind: "ingestion", id, state: job.state }]} refresh={[keys.job("ingestion", id)]} />
      <JobState kind="ingestion" id={id} state={job.state} />
      {job.version ? (
        <Link to="/dataset-versions/$versionId" params={{ versionId: job.version }}>
          <IconCircleCheck size={14} aria-hidden className={classes.done} /> {t("version.title", { name: job.dataset_name, number: job.version_number })}
        </Link>
      ) : job.state === "failed" ? (
        <span className={`${classes.failed} cut`} title={job.state_detail}>
          <Reason reason={job.state_reason} detail={job.state_detail} message={job.state_message} />
        </span>
      ) : null}
    </>
  );
}
