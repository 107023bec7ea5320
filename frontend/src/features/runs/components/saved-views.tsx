import { ActionIcon, Button, Group, Menu, Modal, Stack, TextInput } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { IconBookmark, IconDeviceFloppy, IconLink, IconTrash } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import type { RunsAddress } from "../list-search";
import { readViews, sameView, viewSearch, withoutView, withView, writeViews, type View } from "../views";

/** Named views: kept in this browser, told to others by the address. */
export function SavedViews({ address }: { address: RunsAddress }) {
  const { t } = useTranslation("runs");
  const { username } = useMe();
  const [views, setViews] = useState(() => readViews(username));
  const [naming, setNaming] = useState(false);
  const [refused, setRefused] = useState(false);
  const clipboard = useClipboard();
  const { search, show } = address;
  const current = views.find(({ name }) => name === search.view);
  const isChanged = current !== undefined && !sameView(current.search, search);
  const keep = (next: View[]): boolean => {
    setViews(next);
    const kept = writeViews(username, next);
    setRefused(!kept);
    return kept;
  };
  const save = (name: string): void => {
    const view = { name, search: viewSearch({ ...search }) };
    if (!keep(withView(views, view))) return;
    setNaming(false);
    show(view.search, name);
  };
  return (
    <>
      <Menu position="bottom-end" width={280}>
        <Menu.Target>
          <Button variant="default" leftSection={<IconBookmark size={14} aria-hidden />}>
            {search.view ? (isChanged ? t("views.changed", { name: search.view }) : search.view) : t("views.title")}
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => show({})} fw={search.view || Object.keys(viewSearch({ ...search })).length ? undefined : 600}>
            {t("views.all")}
          </Menu.Item>
          {views.map((view) => (
            <Group key={view.name} gap={0} wrap="nowrap">
              <Menu.Item onClick={() => show(view.search, view.name)} fw={view.name === search.view ? 600 : undefined} className="cut" title={view.name}>
                {view.name}
              </Menu.Item>
              <ActionIcon aria-label={t("views.remove", { name: view.name })} onClick={() => keep(withoutView(views, view.name))}>
                <IconTrash size={14} aria-hidden />
              </ActionIcon>
            </Group>
          ))}
          <Menu.Divider />
          {isChanged && current ? (
            <Menu.Item leftSection={<IconDeviceFloppy size={14} aria-hidden />} onClick={() => save(current.name)}>
              {t("views.update", { name: current.name })}
            </Menu.Item>
          ) : null}
          <Menu.Item leftSection={<IconDeviceFloppy size={14} aria-hidden />} onClick={() => setNaming(true)}>
            {t("views.save")}
          </Menu.Item>
          <Menu.Item leftSection={<IconLink size={14} aria-hidden />} onClick={() => clipboard.copy(window.location.href)} closeMenuOnClick={false}>
            {clipboard.copied ? t("verb.copied", { ns: "common" }) : t("views.copyLink")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Modal
        opened={naming}
        onClose={() => setNaming(false)}
        title={t("views.save")}
        closeButtonProps={{ "aria-label": t("verb.close", { ns: "common" }) }}
      >
        <NameForm taken={views.map(({ name }) => name)} refused={refused} onSave={save} onCancel={() => setNaming(false)} />
      </Modal>
    </>
  );
}

interface NameProps {
  taken: readonly string[];
  refused: boolean;
  onSave: (name: string) => void;
  onCancel: () => void;
}

function NameForm({ taken, refused, onSave, onCancel }: NameProps) {
  const { t } = useTranslation("runs");
  const [name, setName] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (name.trim()) onSave(name.trim());
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="md">
        <TextInput
          label={t("views.name")}
          maxLength={60}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          description={taken.includes(name.trim()) ? t("views.replaces") : t("views.keptHere")}
          error={refused ? t("views.noRoom") : undefined}
          data-autofocus
        />
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            {t("verb.cancel", { ns: "common" })}
          </Button>
          <Button type="submit" disabled={!name.trim()}>
            {t("verb.save", { ns: "common" })}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
