import { Button, Group, Stack, Textarea } from "@mantine/core";
import { useInfiniteQuery, useQueryClient } from "@tanstack/react-query";
import { useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { noticesQuery } from "@/api/notices";
import { rowsOf } from "@/api/pages";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { EmptyState } from "@/components/empty-state";
import { Faces, LoadingFace } from "@/components/faces";
import { MoreButton } from "@/components/more-button";
import { StateBadge } from "@/components/state-badge";
import { useProject } from "@/lib/permissions";
import { approvalsKey, approvalsQuery, decide, type Approval, type Decision } from "../api";
import { ApprovalAsked } from "./approval-asked";
import classes from "./access.module.css";

/** Requests, those that wait first: what would be done, for whom, who may decide. */
export function Approvals() {
  const { t } = useTranslation(["access", "common"]);
  const project = useProject();
  const approvals = useInfiniteQuery(approvalsQuery(project?.id));
  const { approval: focus } = useSearch({ from: "/access" });
  const [deciding, setDeciding] = useState<{ approval: Approval; decision: Decision } | null>(null);
  return (
    <Faces query={approvals} loading={<LoadingFace rows={6} />}>
      {(data) => {
        const rows = rowsOf(data).sort((a, b) => Number(b.state === "pending") - Number(a.state === "pending"));
        if (!rows.length) return <EmptyState text={t("approval.empty")} />;
        return (
          <Stack gap="sm" maw={860}>
            {rows.map((approval) => (
              <ApprovalCard key={approval.id} approval={approval} isFocus={approval.id === focus} onDecide={(decision) => setDeciding({ approval, decision })} />
            ))}
            <MoreButton query={approvals} />
            {deciding ? <Decide {...deciding} onClose={() => setDeciding(null)} /> : null}
          </Stack>
        );
      }}
    </Faces>
  );
}

function ApprovalCard({ approval, isFocus, onDecide }: { approval: Approval; isFocus: boolean; onDecide: (decision: Decision) => void }) {
  const { t } = useTranslation("access");
  return (
    <article className={classes.card} data-focus={isFocus || undefined} aria-label={t("approval.label", { command: approval.command, name: approval.requested_by.username })}>
      <header>
        <StateBadge noun="approval" state={approval.state} />
        <code>{approval.command}</code>
        <span className="soft">{approval.project_name ?? t("approval.everywhere")}</span>
        <span className="soft" style={{ marginLeft: "auto" }}>
          {t("approval.asked", { name: approval.requested_by.username })} <Ago at={approval.created_at} />
        </span>
      </header>
      {approval.comment ? <p data-said>{approval.comment}</p> : null}
      <ApprovalAsked approval={approval} />
      {approval.state === "pending" ? (
        <Group gap="sm">
          {approval.may_decide ? (
            <>
              <Button onClick={() => onDecide("approve")}>{t("approval.approve")}</Button>
              <Button variant="default" onClick={() => onDecide("deny")}>
                {t("approval.deny")}
              </Button>
            </>
          ) : approval.barred ? (
            <span className="soft">{t(`barred.${approval.barred}`)}</span>
          ) : null}
          {approval.may_withdraw ? (
            <Button variant="subtle" color="red" c="var(--failed)" onClick={() => onDecide("withdraw")}>
              {t("approval.withdraw")}
            </Button>
          ) : null}
          <span className="soft" style={{ marginLeft: "auto" }}>
            {t("approval.expires")} <Ago at={approval.expires_at} />
          </span>
        </Group>
      ) : (
        <p className="soft">
          {approval.decided_by ? t("approval.decidedBy", { name: approval.decided_by.username }) : null} <Ago at={approval.state_at} />
          {approval.state_detail ? <span data-said> · {approval.state_detail}</span> : null}
        </p>
      )}
    </article>
  );
}

function Decide({ approval, decision, onClose }: { approval: Approval; decision: Decision; onClose: () => void }) {
  const { t } = useTranslation("access");
  const client = useQueryClient();
  const [comment, setComment] = useState("");
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      danger={decision !== "approve"}
      title={t(`approval.${decision}Title`, { command: approval.command })}
      verb={t(`approval.${decision}`)}
      onConfirm={async () => {
        await decide(approval.id, decision, comment);
        await Promise.all([client.invalidateQueries({ queryKey: approvalsKey }), client.invalidateQueries({ queryKey: noticesQuery.queryKey })]);
      }}
    >
      <p>{t(`approval.${decision}Effect`, { name: approval.requested_by.username, project: approval.project_name ?? t("approval.everywhere") })}</p>
      <Textarea label={t("approval.comment")} value={comment} onChange={(event) => setComment(event.currentTarget.value)} autosize minRows={2} />
    </ConfirmDialog>
  );
}
