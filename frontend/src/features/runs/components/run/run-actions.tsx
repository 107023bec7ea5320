import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import { useClipboard, useDisclosure } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconArrowsDiff, IconCopy, IconDots, IconHash, IconPackage, IconPlayerStop, IconRefresh, IconRepeat, IconTag } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { LinkButton } from "@/components/link-button";
import { useHasRole } from "@/lib/permissions";
import { isOver } from "@/lib/states";
import { artifactsQuery, useRetryRun, type Run } from "../../api";
import { canStop, StopDialog } from "../run-verbs";
import { RepeatDialog } from "./repeat-dialog";
import { TagsDialog } from "./tags-dialog";

/** Where a run left a model. */
function Register({ run }: { run: string }) {
  const { t } = useTranslation("runs");
  const { data } = useQuery(artifactsQuery(run));
  if (!data?.results.some(({ kind }) => kind === "model")) return null;
  return (
    <LinkButton to="/models" search={{ register: run }} leftSection={<IconPackage size={14} aria-hidden />}>
      {t("page.register")}
    </LinkButton>
  );
}

/** What can be done with a run: the one that fits its state, and a menu of the others. */
export function RunActions({ run }: { run: Run }) {
  const { t } = useTranslation(["runs", "common"]);
  const mayEdit = useHasRole("editor", run.project);
  const [stops, stopping] = useDisclosure(false);
  const [retries, retrying] = useDisclosure(false);
  const [tags, tagging] = useDisclosure(false);
  const [repeats, repeating] = useDisclosure(false);
  const retry = useRetryRun(run.id);
  const navigate = useNavigate();
  const clipboard = useClipboard();
  const over = isOver(run.state);
  const mayNot = mayEdit ? undefined : t("list.mayNotEdit");
  const again = async (): Promise<void> => {
    const made = await retry.mutateAsync();
    notifications.show({ message: t("page.submitted", { name: made.name }) });
    await navigate({ to: "/runs/$runId", params: { runId: made.id } });
  };
  return (
    <>
      {mayEdit && run.state === "succeeded" ? <Register run={run.id} /> : null}
      {over ? (
        <Tooltip label={mayNot} disabled={mayEdit}>
          <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={retrying.open} disabled={!mayEdit}>
            {t("page.retry")}
          </Button>
        </Tooltip>
      ) : (
        <Tooltip label={mayNot} disabled={mayEdit}>
          <Button color="red.8" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={stopping.open} disabled={!mayEdit || !canStop(run)}>
            {t("page.stop")}
          </Button>
        </Tooltip>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={t("verb.more", { ns: "common" })} title={t("verb.more", { ns: "common" })}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {over && run.kind !== "tracked" ? (
            <Menu.Item leftSection={<IconRepeat size={14} aria-hidden />} onClick={repeating.open} disabled={!mayEdit}>
              {t("page.repeat")}
            </Menu.Item>
          ) : null}
          <Menu.Item component={Link} to="/runs/new" search={{ from: run.id } as never} leftSection={<IconCopy size={14} aria-hidden />} disabled={!mayEdit}>
            {t("page.clone")}
          </Menu.Item>
          <Menu.Item component={Link} to="/runs/compare" search={{ run: [run.id] } as never} leftSection={<IconArrowsDiff size={14} aria-hidden />}>
            {t("page.compare")}
          </Menu.Item>
          <Menu.Item leftSection={<IconTag size={14} aria-hidden />} onClick={tagging.open} disabled={!mayEdit}>
            {t("page.tags")}
          </Menu.Item>
          <Menu.Item leftSection={<IconHash size={14} aria-hidden />} onClick={() => clipboard.copy(run.id)}>
            {t("page.copyId")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <StopDialog runs={[run]} opened={stops} onClose={stopping.close} />
      <ConfirmDialog opened={retries} onClose={retrying.close} title={t("page.retryTitle", { name: run.name })} verb={t("page.retry")} danger={false} onConfirm={again}>
        {t("page.retryEffect")}
      </ConfirmDialog>
      {repeats ? <RepeatDialog run={run} onClose={repeating.close} /> : null}
      {tags ? <TagsDialog run={run} onClose={tagging.close} /> : null}
    </>
  );
}
