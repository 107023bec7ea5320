import { IconBookmark, IconPin, IconTag } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Version } from "../api";
import classes from "./version-names.module.css";

/** What people call a version: aliases that point at it, its tags, and whether it is pinned. */
export function VersionNames({ version }: { version: Pick<Version, "aliases" | "tags" | "is_pinned"> }) {
  const { t } = useTranslation("versions");
  return (
    <>
      {version.aliases.map((name) => (
        <span key={`@${name}`} className={classes.alias} title={t("alias")}>
          <IconBookmark size={12} aria-hidden /> {name}
        </span>
      ))}
      {version.tags.map((name) => (
        <span key={name} className={classes.tag} title={t("tag")}>
          <IconTag size={12} aria-hidden /> {name}
        </span>
      ))}
      {version.is_pinned ? (
        <span className={classes.tag} title={t("pinned")}>
          <IconPin size={12} aria-label={t("pinned")} />
        </span>
      ) : null}
    </>
  );
}
