import { Button, Group, PasswordInput, Stack, Text, TextInput } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { Dialog } from "@/components/dialog";
import type { Column } from "@/components/data-table/columns";
import { DataTable } from "@/components/data-table/data-table";
import { EmptyState } from "@/components/empty-state";
import { ErrorDetails } from "@/components/faces";
import { useProject } from "@/lib/permissions";
import { deleteSecret, secretsQuery, setSecret, type Secret } from "../api";

const keyOf = (secret: Secret): string => secret.id;
const nameOf = (secret: Secret): string => secret.name;
const ALL = ["secrets"];

/** What jobs get as secret files: names only, the values are never shown. */
export function Secrets() {
  const { t } = useTranslation("access");
  const project = useProject();
  const client = useQueryClient();
  const secrets = useQuery(secretsQuery(project?.id));
  const [setting, setSetting] = useState(false);
  const [removing, setRemoving] = useState<Secret | null>(null);
  const maySet = project?.verbs.includes("set_secrets") ?? false;
  const columns = useMemo<Column<Secret>[]>(
    () => [
      { key: "name", title: t("name"), grow: true, cell: (secret) => <strong className="mono">{secret.name}</strong> },
      { key: "project", title: t("project"), width: 220, cell: (secret) => secret.project_name },
      { key: "replaced", title: t("secret.replaced"), width: 160, cell: (secret) => <Ago at={secret.replaced_at ?? secret.created_at} /> },
      {
        key: "verbs",
        title: t("verbs"),
        untitled: true,
        width: 110,
        cell: (secret) =>
          maySet ? (
            <Button size="compact-xs" variant="subtle" color="red" c="var(--failed)" onClick={() => setRemoving(secret)}>
              {t("secret.delete")}
            </Button>
          ) : null,
      },
    ],
    [t, maySet],
  );
  return (
    <>
      <Group justify="space-between" mb="sm">
        <Text className="soft">{t("secret.lead")}</Text>
        {maySet ? (
          <Button leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setSetting(true)}>
            {t("secret.set")}
          </Button>
        ) : (
          <Text className="soft">{project ? t("onlyAdmins") : t("secret.choose")}</Text>
        )}
      </Group>
      <DataTable label={t("tab.secrets")} columns={columns} rows={secrets.data} rowKey={keyOf} rowName={nameOf} error={secrets.error} onRetry={() => void secrets.refetch()} empty={<EmptyState text={t("secret.empty")} />} />
      {setting && project ? <SetSecret project={project.id} onClose={() => setSetting(false)} /> : null}
      <ConfirmDialog
        opened={removing !== null}
        onClose={() => setRemoving(null)}
        title={t("secret.deleteTitle", { name: removing?.name ?? "" })}
        verb={t("secret.delete")}
        onConfirm={async () => {
          if (removing) await deleteSecret(removing.id);
          await client.invalidateQueries({ queryKey: ALL });
        }}
      >
        {t("secret.deleteEffect")}
      </ConfirmDialog>
    </>
  );
}

function SetSecret({ project, onClose }: { project: string; onClose: () => void }) {
  const { t } = useTranslation(["access", "common"]);
  const client = useQueryClient();
  const [name, setName] = useState("");
  const [value, setValue] = useState("");
  const setting = useMutation({
    mutationFn: () => setSecret({ project, name: name.trim(), value }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ALL });
      onClose();
    },
  });
  return (
    <Dialog onClose={onClose} title={t("secret.set")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setting.mutate();
        }}
      >
        <Stack gap="md">
          <TextInput label={t("name")} value={name} onChange={(event) => setName(event.currentTarget.value)} required data-autofocus />
          <PasswordInput label={t("secret.value")} description={t("secret.valueHint")} value={value} onChange={(event) => setValue(event.currentTarget.value)} required autoComplete="off" />
          {setting.error ? <ErrorDetails error={setting.error} /> : null}
          <Group justify="flex-end">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={setting.isPending} disabled={!name.trim() || !value}>
              {t("verb.save", { ns: "common" })}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
