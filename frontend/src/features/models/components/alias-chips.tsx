import { ActionIcon, Badge } from "@mantine/core";
import { IconTag, IconX } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { useRemoveAlias, type Alias } from "../api";
import classes from "./models.module.css";

/** Names that point at versions. */
export function AliasChips({ aliases, numbered = false }: { aliases: readonly Alias[]; numbered?: boolean }) {
  const { t } = useTranslation("models");
  return (
    <span className={classes.aliases}>
      {aliases.map((alias) => (
        <Link key={alias.id} to="/model-versions/$versionId" params={{ versionId: alias.version }} className={classes.alias} title={t("alias.pointsAt", { name: alias.name, number: alias.number })}>
          <IconTag size={12} aria-hidden />
          {numbered ? t("alias.numbered", { name: alias.name, number: alias.number }) : alias.name}
        </Link>
      ))}
    </span>
  );
}

/** The aliases of one version, each with a way to take it off. */
export function VersionAliases({ aliases, mayEdit }: { aliases: readonly Alias[]; mayEdit: boolean }) {
  const { t } = useTranslation("models");
  const [going, setGoing] = useState<Alias | null>(null);
  const remove = useRemoveAlias();
  return (
    <span className={classes.aliases}>
      {aliases.map((alias) => (
        <Badge
          key={alias.id}
          variant="default"
          radius="sm"
          className={classes.badge}
          leftSection={<IconTag size={12} aria-hidden />}
          rightSection={
            mayEdit ? (
              <ActionIcon size={16} aria-label={t("alias.remove", { name: alias.name })} title={t("alias.remove", { name: alias.name })} onClick={() => setGoing(alias)}>
                <IconX size={12} aria-hidden />
              </ActionIcon>
            ) : undefined
          }
        >
          {alias.name}
        </Badge>
      ))}
      {going ? (
        <ConfirmDialog opened onClose={() => setGoing(null)} title={t("alias.removeTitle", { name: going.name })} verb={t("alias.removeVerb")} onConfirm={() => remove.mutateAsync(going.id)}>
          {t("alias.removeEffect", { name: going.name, number: going.number })}
        </ConfirmDialog>
      ) : null}
    </span>
  );
}
