import { Autocomplete, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { useSetAlias, type Alias } from "../api";

interface Props {
  model: string;
  version: { id: string; number: number };
  aliases: readonly Alias[];
  onClose: () => void;
}

const USUAL = ["champion", "challenger"];

/** Let a name point at this version; what it pointed at before is said. */
export function AliasDialog({ model, version, aliases, onClose }: Props) {
  const { t } = useTranslation("models");
  const [name, setName] = useState("");
  const set = useSetAlias();
  const wanted = name.trim();
  const before = aliases.find((alias) => alias.name === wanted);
  const effect = !wanted
    ? t("alias.effectNone")
    : !before
      ? t("alias.effectNew", { name: wanted, number: version.number })
      : before.version === version.id
        ? t("alias.effectSame", { name: wanted })
        : t("alias.effectMove", { name: wanted, from: before.number, to: version.number });
  const confirm = (): Promise<unknown> => (wanted ? set.mutateAsync({ model, name: wanted, version: version.id }) : Promise.reject(new Error(t("alias.missing"))));
  return (
    <ConfirmDialog
      opened
      onClose={onClose}
      danger={false}
      title={t("alias.setTitle", { number: version.number })}
      verb={before && before.version !== version.id ? t("alias.move") : t("alias.set")}
      onConfirm={confirm}
    >
      <Text size="sm" role="status" mb="md">
        {effect}
      </Text>
      <Autocomplete size="xs" label={t("alias.name")} data={[...new Set([...aliases.map((alias) => alias.name), ...USUAL])]} value={name} onChange={setName} data-autofocus />
    </ConfirmDialog>
  );
}
