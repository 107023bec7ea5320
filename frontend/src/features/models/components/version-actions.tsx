import { ActionIcon, Button, Menu, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconArchive, IconCertificate, IconDots, IconHash, IconRocket, IconTag } from "@tabler/icons-react";
import { useClipboard } from "@mantine/hooks";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { LinkButton } from "@/components/link-button";
import { useHasRole } from "@/lib/permissions";
import { useArchive, type Alias, type Version } from "../api";
import { AliasDialog } from "./alias-dialog";

interface Props {
  version: Version;
  /** Of the whole model. */
  aliases: readonly Alias[];
  /** Names of endpoints that serve it. */
  serving: readonly string[];
}

/** What can be done with a version: deploy it, name it, take it out of use. */
export function VersionActions({ version, aliases, serving }: Props) {
  const { t, i18n } = useTranslation("models");
  const [named, naming] = useDisclosure(false);
  const [goes, archiving] = useDisclosure(false);
  const archive = useArchive();
  const clipboard = useClipboard();
  const mayEdit = useHasRole("editor", version.project);
  const ready = version.state === "ready";
  const title = t("version.title", { name: version.model_name, number: version.number });
  const why = !mayEdit ? t("version.mayNot") : version.state_reason === "runs_code" ? t("version.is.runsCode") : version.state === "pending" ? t("version.notReady") : t("version.isArchived");
  return (
    <>
      <Tooltip label={why} disabled={mayEdit && ready}>
        <span>
          <LinkButton to="/endpoints/new" search={{ version: version.id }} disabled={!mayEdit || !ready} leftSection={<IconRocket size={14} aria-hidden />}>
            {t("version.deploy")}
          </LinkButton>
        </span>
      </Tooltip>
      <Button component="a" variant="default" size="xs" href={`/api/v1/model-versions/${version.id}/card?form=markdown&language=${i18n.language.startsWith("zh") ? "zh" : "en"}`} download leftSection={<IconCertificate size={14} aria-hidden />}>
        {t("version.card")}
      </Button>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" size={30} aria-label={t("verb.more", { ns: "common" })} title={t("verb.more", { ns: "common" })}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconTag size={14} aria-hidden />} onClick={naming.open} disabled={!mayEdit || !ready}>
            {t("alias.give")}
          </Menu.Item>
          <Menu.Item leftSection={<IconHash size={14} aria-hidden />} onClick={() => clipboard.copy(version.id)}>
            {t("version.copyId")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item color="red" leftSection={<IconArchive size={14} aria-hidden />} onClick={archiving.open} disabled={!mayEdit || version.state === "archived"}>
            {t("archive.open")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {named ? <AliasDialog model={version.model} version={version} aliases={aliases} onClose={naming.close} /> : null}
      <ConfirmDialog opened={goes} onClose={archiving.close} title={t("archive.title", { title })} verb={t("archive.verb")} onConfirm={() => archive.mutateAsync(version.id)}>
        {t("archive.effect")}
        {serving.length ? ` ${t("archive.serving", { count: serving.length, names: serving.join(", ") })}` : ""}
        {version.aliases.length ? <p>{t("archive.aliases", { names: version.aliases.join(", ") })}</p> : null}
      </ConfirmDialog>
    </>
  );
}
