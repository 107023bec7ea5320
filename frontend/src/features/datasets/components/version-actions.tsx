import { ActionIcon, Menu, Textarea } from "@mantine/core";
import { IconArchive, IconArrowsDiff, IconBookmark, IconChartLine, IconDots, IconDownload, IconTag, IconWand } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { LinkButton, LinkItem } from "@/components/link-button";
import { useHasRole } from "@/lib/permissions";
import { AliasesDialog } from "./aliases-dialog";
import { VersionTagsDialog } from "./version-tags-dialog";
import { deprecateVersion, fileAddress, useWrite, type VersionDetail } from "../api";

/** What can be done with a version: train on it, clean it, compare it, fetch it, take it out of use. */
export function VersionActions({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const { t: tVersions } = useTranslation("versions");
  const [deprecating, setDeprecating] = useState(false);
  const [naming, setNaming] = useState<"aliases" | "tags" | null>(null);
  const end = (): void => setNaming(null);
  const isEditor = useHasRole("editor", version.project);
  const mayWrite = isEditor && version.state === "published";
  // Who may write mends what is kept back, and may let a run wait for it.
  const mayUse = mayWrite || (isEditor && version.state === "validating");
  const [only, another] = version.files;
  return (
    <>
      {mayUse ? (
        <>
          <LinkButton to="/dataset-versions/$versionId/clean" params={{ versionId: version.id }} variant="default" leftSection={<IconWand size={14} aria-hidden />}>
            {t("clean.verb")}
          </LinkButton>
          <LinkButton to="/runs/new" search={{ version: version.id }} leftSection={<IconChartLine size={14} aria-hidden />}>
            {t("version.train")}
          </LinkButton>
        </>
      ) : null}
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon size={30} variant="default" aria-label={tCommon("verb.more")}>
            <IconDots size={16} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {version.parent ? (
            <LinkItem
              to="/datasets/$datasetId"
              params={{ datasetId: version.dataset }}
              search={{ tab: "compare", before: version.parent, after: version.id }}
              leftSection={<IconArrowsDiff size={14} aria-hidden />}
            >
              {t("version.compareParent", { number: version.parent_number })}
            </LinkItem>
          ) : null}
          {only && !another ? (
            <Menu.Item component="a" href={fileAddress(version.id, only.name)} download leftSection={<IconDownload size={14} aria-hidden />}>
              {t("version.download")}
            </Menu.Item>
          ) : (
            <LinkItem to="/dataset-versions/$versionId" params={{ versionId: version.id }} search={{ tab: "files" }} leftSection={<IconDownload size={14} aria-hidden />}>
              {t("version.downloadFiles")}
            </LinkItem>
          )}
          <Menu.Item leftSection={<IconBookmark size={14} aria-hidden />} onClick={() => setNaming("aliases")}>
            {tVersions("aliases.verb")}
          </Menu.Item>
          {isEditor ? (
            <Menu.Item leftSection={<IconTag size={14} aria-hidden />} onClick={() => setNaming("tags")}>
              {tVersions("tags.menu")}
            </Menu.Item>
          ) : null}
          {mayWrite ? (
            <>
              <Menu.Divider />
              <Menu.Item color="red" leftSection={<IconArchive size={14} aria-hidden />} onClick={() => setDeprecating(true)}>
                {t("version.deprecate")}
              </Menu.Item>
            </>
          ) : null}
        </Menu.Dropdown>
      </Menu>
      {naming === "aliases" ? <AliasesDialog version={version} onClose={end} /> : null}
      {naming === "tags" ? <VersionTagsDialog version={version} onClose={end} /> : null}
      <Deprecate version={version} opened={deprecating} onClose={() => setDeprecating(false)} />
    </>
  );
}

function Deprecate({ version, opened, onClose }: { version: VersionDetail; opened: boolean; onClose: () => void }) {
  const { t } = useTranslation("datasets");
  const [detail, setDetail] = useState("");
  const write = useWrite(deprecateVersion);
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={t("deprecate.title", { name: version.dataset_name, number: version.number })}
      verb={t("deprecate.verb")}
      onConfirm={() => write.mutateAsync({ id: version.id, detail })}
    >
      {t("deprecate.effect")}
      <Textarea mt="md" label={t("deprecate.why")} autosize minRows={2} maxLength={500} value={detail} onChange={(event) => setDetail(event.currentTarget.value)} />
    </ConfirmDialog>
  );
}
