import { Alert, Button, Group, Textarea } from "@mantine/core";
import { IconAlertTriangle, IconClockHour4, IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { LinkButton } from "@/components/link-button";
import { Reason } from "@/components/reason";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { useWrite, type VersionDetail } from "../api";
import { askOverride, qualityQuery, rejectVersion, validateVersion, type Quality } from "../quality";
import classes from "./quality.module.css";

/** Why a version is not published yet, what waits for it, and what can be done. */
export function VersionGate({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("quality");
  const quality = useQuery(qualityQuery(version.id)).data;
  const isChecked = Boolean(quality?.under_way);
  return (
    <Alert
      variant="outline"
      color={isChecked ? "blue" : "red"}
      mb="md"
      icon={isChecked ? <IconClockHour4 aria-hidden /> : <IconAlertTriangle aria-hidden />}
      title={isChecked ? t("gate.checked") : t("gate.blocked")}
    >
      <div className={classes.gate}>
        <Reason reason={version.state_reason} detail={version.state_detail} message={version.state_message} />
        {isChecked ? null : <p>{t("gate.help")}</p>}
        {quality?.waiting_count ? <p>{t("gate.waiting", { count: quality.waiting_count, n: count(quality.waiting_count) })}</p> : null}
        {quality?.asked ? (
          <p>
            {t("gate.asked", { name: quality.asked.requested_by_name, comment: quality.asked.comment })}
            {" "}
            <Link to="/access" search={{ tab: "approvals" }}>
              {t("gate.toRequest")}
            </Link>
          </p>
        ) : null}
        <Verbs version={version} quality={quality} />
      </div>
    </Alert>
  );
}

function Verbs({ version, quality }: { version: VersionDetail; quality: Quality | undefined }) {
  const { t } = useTranslation("quality");
  const mayWrite = useHasRole("editor", version.project);
  const [open, setOpen] = useState<"override" | "reject" | null>(null);
  const validate = useWrite(validateVersion);
  return (
    <Group gap="sm">
      <LinkButton variant="default" to="/dataset-versions/$versionId" params={{ versionId: version.id }} search={{ tab: "quality" }}>
        {t("gate.seeResults")}
      </LinkButton>
      {mayWrite ? (
        <>
          {quality && !quality.under_way ? (
            <Button variant="default" loading={validate.isPending} onClick={() => validate.mutate(version.id)}>
              {t("gate.validate")}
            </Button>
          ) : null}
          {quality?.asked || !quality || quality.under_way ? null : (
            <Button variant="default" onClick={() => setOpen("override")}>
              {t("gate.override")}
            </Button>
          )}
          <Button variant="default" color="red" onClick={() => setOpen("reject")}>
            {t("gate.reject")}
          </Button>
        </>
      ) : null}
      {open === "override" ? <Override version={version} onClose={() => setOpen(null)} /> : null}
      {open === "reject" ? <Reject version={version} waiting={quality?.waiting_count ?? 0} onClose={() => setOpen(null)} /> : null}
    </Group>
  );
}

function Override({ version, onClose }: { version: VersionDetail; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const [comment, setComment] = useState("");
  const write = useWrite(askOverride);
  return (
    <ConfirmDialog
      opened
      danger={false}
      onClose={onClose}
      title={t("override.title", { name: version.dataset_name, number: version.number })}
      verb={t("override.verb")}
      onConfirm={() => write.mutateAsync({ id: version.id, comment })}
    >
      {t("override.effect")}
      <Textarea mt="md" label={t("override.why")} required autosize minRows={2} maxLength={2000} value={comment} onChange={(event) => setComment(event.currentTarget.value)} data-autofocus />
    </ConfirmDialog>
  );
}

function Reject({ version, waiting, onClose }: { version: VersionDetail; waiting: number; onClose: () => void }) {
  const { t } = useTranslation("quality");
  const [detail, setDetail] = useState("");
  const write = useWrite(rejectVersion);
  return (
    <ConfirmDialog opened onClose={onClose} title={t("reject.title", { name: version.dataset_name, number: version.number })} verb={t("reject.verb")} onConfirm={() => write.mutateAsync({ id: version.id, detail })}>
      {t("reject.effect")} {waiting ? <strong>{t("reject.waiting", { count: waiting, n: count(waiting) })}</strong> : null}
      <Textarea mt="md" label={t("reject.why")} autosize minRows={2} maxLength={500} value={detail} onChange={(event) => setDetail(event.currentTarget.value)} />
    </ConfirmDialog>
  );
}

/** Of a version that is published: that it was let through, or that it warns. */
export function QualityNote({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("quality");
  const override = useQuery({ ...qualityQuery(version.id), enabled: version.state_detail !== "" }).data?.override;
  if (!version.state_detail) return null;
  return (
    <Alert variant="outline" color="yellow" mb="md" icon={<IconInfoCircle aria-hidden />}>
      <div className={classes.gate}>
        {override ? (
          <span>
            {t("gate.overridden", {
              asked: override.requested_by_name,
              decided: override.decided_by_name ?? "–",
              rules: override.failing.length ? override.failing.join(", ") : t("gate.unchecked"),
            })}{" "}
            <q>{override.comment}</q>
          </span>
        ) : (
          <Reason detail={version.state_detail} message={version.state_message} />
        )}
      </div>
    </Alert>
  );
}
