import { Alert, Button, Loader } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { Ago } from "@/components/ago";
import { CopyButton } from "@/components/copy-button";
import { ErrorFace, LoadingFace } from "@/components/faces";
import { count, duration, moment, when } from "@/lib/format";
import { useNow } from "@/lib/use-now";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { whatIfKey, whatIfQuery, type Result } from "../../api-what-if";
import type { WhatIf } from "../../logic/what-if";
import { MovedTable, Reclaims } from "./moved";
import classes from "./what-if.module.css";
import { Figures, Queues } from "./worlds";

interface Props {
  id: string;
  /** Whether it is to the question that the form holds. */
  fits: (found: WhatIf) => boolean;
  onAgain: () => void;
}

/** The answer to a what-if, from the moment that it was asked. */
export function Answer({ id, fits, onAgain }: Props) {
  const { t } = useTranslation("quotas");
  const found = useQuery({ ...whatIfQuery(id), refetchInterval: useFallbackInterval(2_000) });
  useLiveRefresh(`what_if.${id}`, [whatIfKey(id), ["what-ifs", "of"]], 100);
  if (found.error instanceof ApiError && found.error.status === 404) {
    return <Failed title={t("whatIf.gone")} text={t("whatIf.goneWhy")} onAgain={onAgain} />;
  }
  if (found.error && !found.data) return <ErrorFace error={found.error} onRetry={() => void found.refetch()} />;
  if (!found.data) return <LoadingFace height={320} />;
  return (
    <>
      <div className={classes.answerHead}>
        <span className="soft">
          {t("whatIf.askedBy", { name: found.data.requested_by_name })} <Ago at={found.data.created_at} /> · {t("whatIf.keptUntil", { at: moment(found.data.expires_at) })}
        </span>
        <CopyButton text={window.location.href} label={t("whatIf.copyLink")} />
      </div>
      {fits(found.data) ? null : (
        <p className={classes.stale} role="status">
          {t("whatIf.stale")}
        </p>
      )}
      <State whatIf={found.data} onAgain={onAgain} />
    </>
  );
}

function State({ whatIf, onAgain }: { whatIf: WhatIf; onAgain: () => void }) {
  const { t } = useTranslation("quotas");
  if (whatIf.state === "failed") return <Failed title={t("whatIf.failed")} text={t(whatIf.state_reason === "interrupted" ? "whatIf.interrupted" : "whatIf.changedMeanwhile")} onAgain={onAgain} />;
  if (whatIf.state !== "succeeded" || !whatIf.result) return <UnderWay whatIf={whatIf} />;
  return <Found result={whatIf.result} />;
}

function UnderWay({ whatIf }: { whatIf: WhatIf }) {
  const { t } = useTranslation("quotas");
  const now = useNow();
  const seconds = Math.max(0, Math.floor((now - Date.parse(whatIf.state_at)) / 1000));
  return (
    <div className={classes.underWay} role="status">
      <Loader size={20} />
      <div>
        <strong>{t(whatIf.state === "queued" ? "whatIf.queued" : "whatIf.running")}</strong>
        <p className="soft">
          {t("whatIf.takes")} <span aria-hidden>{duration(seconds)}</span>
        </p>
      </div>
    </div>
  );
}

function Failed({ title, text, onAgain }: { title: string; text: string; onAgain: () => void }) {
  const { t } = useTranslation("quotas");
  return (
    <Alert color="red" variant="outline" icon={<IconAlertTriangle aria-hidden />} title={title}>
      <p className={classes.plain}>{text}</p>
      <Button variant="default" onClick={onAgain}>
        {t("whatIf.askAgain")}
      </Button>
    </Alert>
  );
}

function Found({ result }: { result: Result }) {
  const { t } = useTranslation("quotas");
  const now = useNow(60);
  const span = (Date.parse(result.ends_at) - Date.parse(result.begins_at)) / 1000;
  return (
    <div className={classes.found}>
      <p className={classes.plain}>
        {t("whatIf.followed", { from: when(result.begins_at, now), to: when(result.ends_at, now), span: duration(span), waiting: count(result.waiting_now), arrivals: count(result.arrivals) })} {result.is_cut ? <strong>{t("whatIf.cut")}</strong> : null}{" "}
        {result.arrivals_left_out ? t("whatIf.leftOut", { n: count(result.arrivals_left_out) }) : null}
      </p>
      <Figures before={result.before} after={result.after} />
      <Queues rows={result.queues} />
      <section>
        <h2>{t("whatIf.reclaims")}</h2>
        <Reclaims rows={result.reclaims} />
      </section>
      <MovedTable rows={result.workloads} />
      <p className="soft">{t("whatIf.caveat")}</p>
    </div>
  );
}
