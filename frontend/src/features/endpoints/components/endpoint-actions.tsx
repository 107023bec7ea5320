import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { useClipboard, useDisclosure } from "@mantine/hooks";
import { IconDots, IconHash, IconPlayerStop, IconRocket } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { LinkButton } from "@/components/link-button";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { isOver } from "@/lib/states";
import { useStopEndpoint, type Endpoint } from "../api";

/** What can be done with an endpoint: another model, or an end. */
export function EndpointActions({ endpoint }: { endpoint: Endpoint }) {
  const { t } = useTranslation("endpoints");
  const [stops, stopping] = useDisclosure(false);
  const stop = useStopEndpoint(endpoint.id);
  const clipboard = useClipboard();
  const mayEdit = useHasRole("editor", endpoint.project);
  const active = endpoint.revisions.filter(({ state }) => !isOver(state));
  const replicas = active.reduce((sum, revision) => sum + revision.replicas, 0);
  return (
    <>
      <Tooltip label={t("mayNot")} disabled={mayEdit}>
        <span>
          <LinkButton to="/endpoints/new" search={{ endpoint: endpoint.id }} disabled={!mayEdit} leftSection={<IconRocket size={14} aria-hidden />}>
            {t("deploy.another")}
          </LinkButton>
        </span>
      </Tooltip>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={t("verb.more", { ns: "common" })} title={t("verb.more", { ns: "common" })}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconHash size={14} aria-hidden />} onClick={() => clipboard.copy(endpoint.id)}>
            {t("copyId")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconPlayerStop size={14} aria-hidden />} onClick={stopping.open} disabled={!mayEdit || !active.length}>
            {t("stop.open")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <ConfirmDialog opened={stops} onClose={stopping.close} title={t("stop.title", { name: endpoint.name })} verb={t("stop.verb")} onConfirm={() => stop.mutateAsync()}>
        {t("stop.effect", { count: replicas, n: count(replicas), url: endpoint.url })}
      </ConfirmDialog>
    </>
  );
}
