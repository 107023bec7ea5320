import { Button, Group, TextInput } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { rowsOf } from "@/api/pages";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { MoreButton } from "@/components/more-button";
import { moment, NONE } from "@/lib/format";
import { useProject } from "@/lib/permissions";
import { auditQuery, type AuditEvent } from "../api";
import classes from "./access.module.css";

const keyOf = (event: AuditEvent): string => event.id;

/** Who did what to what, newest first; it can only be read. */
export function AuditTrail() {
  const { t } = useTranslation(["access", "common"]);
  const project = useProject();
  const { action, actor, target } = useSearch({ from: "/access" });
  const navigate = useNavigate();
  const audit = useInfiniteQuery(auditQuery({ project: project?.id, action, actor, target }));
  const narrowed = Boolean(action || actor || target);
  const narrow = useMemo(
    () =>
      (change: { action?: string | undefined; actor?: string | undefined; target?: string | undefined }): void =>
        void navigate({ to: "/access", search: { tab: "audit", action, actor, target, ...change } }),
    [navigate, action, actor, target],
  );
  const columns = useMemo<Column<AuditEvent>[]>(
    () => [
      { key: "at", title: t("audit.at"), width: 190, cell: (event) => <time dateTime={event.at}>{moment(event.at)}</time> },
      {
        key: "actor",
        title: t("audit.actor"),
        width: 110,
        cell: (event) => <Narrow text={event.actor_name || event.actor_kind} onClick={event.actor_id ? () => narrow({ actor: event.actor_id }) : undefined} />,
      },
      { key: "action", title: t("audit.action"), width: 200, cell: (event) => <Narrow mono text={event.action} onClick={() => narrow({ action: event.action })} /> },
      {
        key: "subject",
        title: t("audit.subject"),
        width: 180,
        cell: (event) => <Narrow text={event.subject_name || event.subject_kind} hint={event.subject_kind} onClick={() => narrow({ target: `${event.subject_kind}:${event.subject_id}` })} />,
      },
      { key: "project", title: t("project"), width: 110, cell: (event) => event.project_name ?? NONE },
      { key: "detail", title: t("audit.detail"), grow: true, width: 130, cell: (event) => <Detail detail={event.detail} /> },
      { key: "request", title: t("audit.request"), width: 96, cell: (event) => <span className="mono cut" title={event.request_id}>{event.request_id || NONE}</span> },
    ],
    [t, narrow],
  );
  const rows = audit.data ? rowsOf(audit.data) : undefined;
  return (
    <>
      <Group mb="sm" gap="sm" align="flex-end">
        <TextInput
          key={action ?? ""}
          label={t("audit.action")}
          placeholder="run.submitted"
          classNames={{ input: "mono" }}
          defaultValue={action ?? ""}
          w={240}
          onKeyDown={(event) => event.key === "Enter" && narrow({ action: event.currentTarget.value.trim() || undefined })}
          onBlur={(event) => event.currentTarget.value.trim() !== (action ?? "") && narrow({ action: event.currentTarget.value.trim() || undefined })}
        />
        {narrowed ? (
          <Button variant="default" onClick={() => narrow({ action: undefined, actor: undefined, target: undefined })}>
            {t("verb.clearFilters", { ns: "common" })}
          </Button>
        ) : null}
      </Group>
      <DataTable
        label={t("tab.audit")}
        columns={columns}
        rows={rows}
        rowKey={keyOf}
        error={audit.error}
        onRetry={() => void audit.refetch()}
        height="fill"
        below={audit.hasNextPage ? 44 : 0}
        empty={<EmptyState text={narrowed ? t("face.filteredEmpty", { ns: "common" }) : t("audit.empty")} />}
      />
      <MoreButton query={audit} />
    </>
  );
}

function Narrow({ text, hint, mono = false, onClick }: { text: string; hint?: string; mono?: boolean; onClick?: (() => void) | undefined }) {
  const { t } = useTranslation("access");
  if (!onClick) return <span className="cut">{text}</span>;
  return (
    <button type="button" className={`${classes.link} cut${mono ? " mono" : ""}`} onClick={onClick} data-said title={t("audit.narrow", { to: hint ? `${hint} ${text}` : text })}>
      {text}
    </button>
  );
}

function Detail({ detail }: { detail: unknown }) {
  const text = detail && typeof detail === "object" && Object.keys(detail).length ? JSON.stringify(detail) : "";
  return (
    <span className="mono cut" title={text}>
      {text}
    </span>
  );
}
