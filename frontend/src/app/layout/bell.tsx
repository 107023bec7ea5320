import { ActionIcon } from "@mantine/core";
import { IconBell } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

/** What wants the reader: approvals to decide, failures. */
export function Bell() {
  const { t } = useTranslation();
  return (
    <ActionIcon aria-label={t("top.notifications")} title={t("top.notifications")}>
      <IconBell size={18} aria-hidden />
    </ActionIcon>
  );
}
