import { ActionIcon, Button, Group, Menu } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconBookmark, IconDeviceFloppy, IconLink, IconPencil, IconTrash, IconUsers } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { useChangeView, useDeleteView, viewsQuery, type SavedView } from "../api-views";
import type { RunsAddress } from "../list-search";
import { isPlain, sameView, viewSearch } from "../views";
import { ViewDialog } from "./view-dialog";

interface Props {
  address: RunsAddress;
  /** The chosen one; undefined: all. */
  project: { id: string; name: string } | undefined;
}

const NONE: readonly SavedView[] = [];
type Asks = { kind: "save" } | { kind: "edit" | "delete"; view: SavedView };

/** Ways to look at the table that were kept under a name: one's own, and those that others in the project share. */
export function SavedViews({ address, project }: Props) {
  const { t } = useTranslation("runs");
  const views = useQuery(viewsQuery(project?.id)).data ?? NONE;
  const [asks, setAsks] = useState<Asks>();
  const change = useChangeView();
  const forget = useDeleteView();
  const clipboard = useClipboard();
  const { search, show } = address;
  const current = views.find(({ id }) => id === search.view);
  const isChanged = current !== undefined && !sameView(current.document, search);
  useFirstView(address, views, project?.id);
  const close = (): void => setAsks(undefined);
  const mine = views.filter((view) => view.is_mine);
  const shared = views.filter((view) => !view.is_mine);
  const entry = (view: SavedView) => (
    <Group key={view.id} gap={0} wrap="nowrap">
      <Menu.Item onClick={() => show(view.document, view.id)} fw={view === current ? 600 : undefined} className="cut" title={view.name}>
        {view.name}{" "}
        <span className="soft">
          {view.is_default ? t("views.defaultMark") : ""} {view.is_mine ? "" : t("views.by", { name: view.owner_name })}
        </span>
      </Menu.Item>
      {view.is_mine && view.is_shared ? <IconUsers size={14} role="img" aria-label={t("views.shared")} /> : null}
      {view.is_mine ? (
        <>
          <ActionIcon aria-label={t("views.edit", { name: view.name })} onClick={() => setAsks({ kind: "edit", view })}>
            <IconPencil size={14} aria-hidden />
          </ActionIcon>
          <ActionIcon aria-label={t("views.remove", { name: view.name })} onClick={() => setAsks({ kind: "delete", view })}>
            <IconTrash size={14} aria-hidden />
          </ActionIcon>
        </>
      ) : null}
    </Group>
  );
  return (
    <>
      <Menu position="bottom-end" width={300}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={14} aria-hidden />} maw={220}>
            {current ? (isChanged ? t("views.changed", { name: current.name }) : current.name) : t("views.title")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
          <Menu.Item onClick={() => show({})} fw={current || Object.keys(viewSearch({ ...search })).length ? undefined : 600}>
            {t("views.all")}
          </Menu.Item>
          {mine.length ? <Menu.Label>{t("views.mine")}</Menu.Label> : null}
          {mine.map(entry)}
          {shared.length ? <Menu.Label>{t("views.shared")}</Menu.Label> : null}
          {shared.map(entry)}
          <Menu.Divider />
          {isChanged && current?.is_mine ? (
            <Menu.Item leftSection={<IconDeviceFloppy size={14} aria-hidden />} onClick={() => change.mutate({ id: current.id, document: viewSearch({ ...search }) })}>
              {t("views.update", { name: current.name })}
            </Menu.Item>
          ) : null}
          <Menu.Item leftSection={<IconDeviceFloppy size={14} aria-hidden />} onClick={() => setAsks({ kind: "save" })}>
            {t("views.save")}
          </Menu.Item>
          <Menu.Item leftSection={<IconLink size={14} aria-hidden />} onClick={() => clipboard.copy(window.location.href)} closeMenuOnClick={false}>
            {clipboard.copied ? t("verb.copied", { ns: "common" }) : t("views.copyLink")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {asks && asks.kind !== "delete" ? (
        <ViewDialog view={asks.kind === "edit" ? asks.view : undefined} project={project} document={viewSearch({ ...search })} onClose={close} onSaved={(view) => show(view.document, view.id)} />
      ) : null}
      <ConfirmDialog
        opened={asks?.kind === "delete"}
        onClose={close}
        title={t("views.removeTitle", { name: asks?.kind === "delete" ? asks.view.name : "" })}
        verb={t("views.removeVerb")}
        onConfirm={async () => {
          if (asks?.kind !== "delete") return;
          await forget.mutateAsync(asks.view.id);
          if (asks.view.id === search.view) show(viewSearch({ ...search }));
        }}
      >
        {t(asks?.kind === "delete" && asks.view.is_shared ? "views.removeShared" : "views.removeEffect")}
      </ConfirmDialog>
    </>
  );
}

/** Where the address says nothing of its own, the view that is shown first takes its place; it stays away once it was left. */
function useFirstView({ search, show }: RunsAddress, views: readonly SavedView[], project: string | undefined): void {
  const first = views.find((view) => view.is_default && view.project === project);
  const wanted = first && isPlain({ ...search }) ? first : undefined;
  useEffect(() => {
    if (wanted) show(wanted.document, wanted.id, true);
  }, [wanted, show]);
}

