import { Button, Checkbox, Group, Select, Stack, TextInput } from "@mantine/core";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { useHasRole } from "@/lib/permissions";
import { useChangeView, useSaveView, type SavedView } from "../api-views";
import type { ViewDocument } from "../views";

interface Props {
  /** The view that is changed; none: a new one is saved. */
  view: SavedView | undefined;
  /** The chosen project; without one the dialog asks for it. */
  project: { id: string; name: string } | undefined;
  document: ViewDocument;
  onClose: () => void;
  onSaved: (view: SavedView) => void;
}

/** Name of a view, who sees it, and whether it is shown first. */
export function ViewDialog({ view, project, document, onClose, onSaved }: Props) {
  const { t } = useTranslation("runs");
  const me = useMe();
  const [name, setName] = useState(view?.name ?? "");
  const [chosen, setChosen] = useState(view?.project ?? project?.id ?? (me.projects.length === 1 ? me.projects[0]?.id : undefined));
  const [isShared, setShared] = useState(view?.is_shared ?? false);
  const [isDefault, setDefault] = useState(view?.is_default ?? false);
  const mayShare = useHasRole("editor", chosen);
  const save = useSaveView();
  const change = useChangeView();
  const { error, isPending } = view ? change : save;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const fields = { name: name.trim(), is_shared: isShared && mayShare, is_default: isDefault };
    const onSuccess = (made: SavedView): void => {
      onClose();
      if (!view) onSaved(made);
    };
    if (view) change.mutate({ id: view.id, ...fields }, { onSuccess });
    else if (chosen) save.mutate({ project: chosen, document, ...fields }, { onSuccess });
  };
  return (
    <Dialog onClose={onClose} title={view ? t("views.edit", { name: view.name }) : t("views.save")}>
      <form onSubmit={submit}>
        <Stack gap="md">
          <TextInput label={t("views.name")} maxLength={120} value={name} onChange={(event) => setName(event.currentTarget.value)} data-autofocus />
          {view || project ? null : (
            <Select
              searchable
              allowDeselect={false}
              label={t("views.project")}
              data={me.projects.map(({ id, name: title }) => ({ value: id, label: title }))}
              value={chosen ?? null}
              onChange={(id) => setChosen(id ?? undefined)}
            />
          )}
          <Checkbox label={t("views.share")} description={mayShare ? undefined : t("views.shareMayNot")} disabled={!mayShare} checked={isShared && mayShare} onChange={(event) => setShared(event.currentTarget.checked)} />
          <Checkbox label={t("views.default")} checked={isDefault} onChange={(event) => setDefault(event.currentTarget.checked)} />
          {error ? <ErrorDetails error={error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" disabled={!name.trim() || !chosen} loading={isPending}>
              {t("verb.save", { ns: "common" })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
