import { Button } from "@mantine/core";
import { IconGitCompare, IconPlayerStop, IconRestore, IconTag, IconTrash, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { LinkButton } from "@/components/link-button";
import { count } from "@/lib/format";
import { useRestoreRuns, type RunRow } from "../api-list";
import { DeleteDialog } from "./delete-dialog";
import { canStop, StopDialog } from "./run-verbs";
import { TagRunsDialog } from "./tag-runs-dialog";
import classes from "./selection-bar.module.css";

export const COMPARED_MOST = 50;

interface Props {
  runs: readonly RunRow[];
  /** The table shows those that were deleted. */
  deleted: boolean;
  onClear: () => void;
}

/** What can be done with the chosen runs. It slides over the foot of the page; the list stays where it is. */
export function SelectionBar({ runs, deleted, onClear }: Props) {
  const { t } = useTranslation("runs");
  const me = useMe();
  const [asks, setAsks] = useState<"stop" | "tag" | "delete" | null>(null);
  const restore = useRestoreRuns();
  const mayEdit = ({ project }: RunRow): boolean => me.is_superuser || me.projects.some(({ id, role }) => id === project && role !== "viewer");
  const editable = runs.filter(mayEdit);
  const stoppable = editable.filter(canStop);
  const comparable = runs.length >= 2 && runs.length <= COMPARED_MOST;
  const close = (): void => setAsks(null);
  return (
    <>
      <div className={classes.bar} data-on={runs.length > 0 || undefined} role="region" aria-label={t("list.selection")} inert={runs.length === 0}>
        <span className={classes.count} role="status">
          {t("table.selected", { ns: "common", n: count(runs.length) })}
        </span>
        {comparable ? (
          <LinkButton to="/runs/compare" search={(before) => ({ project: before.project, run: runs.map(({ id }) => id) })} leftSection={<IconGitCompare size={14} aria-hidden />}>
            {t("list.compare")}
          </LinkButton>
        ) : (
          <Button disabled leftSection={<IconGitCompare size={14} aria-hidden />} title={t("list.compareLimit", { most: COMPARED_MOST })}>
            {t("list.compare")}
          </Button>
        )}
        <Button
          variant="default"
          disabled={!stoppable.length}
          title={stoppable.length ? undefined : editable.length ? t("list.nothingToStop") : t("list.mayNotEdit")}
          leftSection={<IconPlayerStop size={14} aria-hidden />}
          onClick={() => setAsks("stop")}
        >
          {stoppable.length && stoppable.length < runs.length ? t("list.stopSome", { n: count(stoppable.length) }) : t("list.stop")}
        </Button>
        <Button
          variant="default"
          disabled={!editable.length}
          title={editable.length ? undefined : t("list.mayNotEdit")}
          leftSection={<IconTag size={14} aria-hidden />}
          onClick={() => setAsks("tag")}
        >
          {t("list.tag")}
        </Button>
        {deleted ? (
          <Button
            variant="default"
            disabled={!editable.length}
            loading={restore.isPending}
            leftSection={<IconRestore size={14} aria-hidden />}
            onClick={() => restore.mutate(editable.map(({ id }) => id), { onSuccess: onClear })}
          >
            {t("list.restore")}
          </Button>
        ) : (
          <Button
            variant="default"
            disabled={!editable.length}
            title={editable.length ? undefined : t("list.mayNotEdit")}
            leftSection={<IconTrash size={14} aria-hidden />}
            onClick={() => setAsks("delete")}
          >
            {t("list.delete")}
          </Button>
        )}
        <Button variant="subtle" color="gray" leftSection={<IconX size={14} aria-hidden />} onClick={onClear}>
          {t("verb.clear", { ns: "common" })}
        </Button>
      </div>
      <StopDialog runs={stoppable} opened={asks === "stop"} onClose={close} onDone={onClear} />
      <DeleteDialog runs={editable} opened={asks === "delete"} onClose={close} onDone={onClear} />
      {asks === "tag" ? <TagRunsDialog runs={editable} onClose={close} /> : null}
    </>
  );
}
