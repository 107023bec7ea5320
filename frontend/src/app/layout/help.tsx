import { ActionIcon, Menu } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { IconApi, IconBook, IconHelp, IconKeyboard } from "@tabler/icons-react";
import { useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { guidePath } from "./guide";

const Shortcuts = lazy(() => import("./shortcuts"));

/** The guide's page about what is shown, all of it, the keys, the API. */
export function Help() {
  const { t, i18n } = useTranslation();
  const [keys, setKeys] = useState(false);
  const path = useLocation({ select: (location) => location.pathname });
  // Some keyboards have ? without Shift.
  useHotkeys([
    ["shift+?", () => setKeys(true)],
    ["?", () => setKeys(true)],
  ]);
  const link = (href: string) => ({ component: "a" as const, href, target: "_blank", rel: "noopener" });
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon aria-label={t("top.help")} title={t("top.help")}>
            <IconHelp size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item {...link(guidePath(i18n.language, path))} leftSection={<IconHelp size={14} aria-hidden />}>
            {t("top.aboutPage")}
          </Menu.Item>
          <Menu.Item {...link(guidePath(i18n.language))} leftSection={<IconBook size={14} aria-hidden />}>
            {t("nav.guide")}
          </Menu.Item>
          <Menu.Item onClick={() => setKeys(true)} leftSection={<IconKeyboard size={14} aria-hidden />} rightSection={<kbd>?</kbd>}>
            {t("top.keyboard")}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item component="a" href="/api/v1/docs/" leftSection={<IconApi size={14} aria-hidden />}>
            {t("nav.api")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {keys ? (
        <Suspense fallback={null}>
          <Shortcuts onClose={() => setKeys(false)} />
        </Suspense>
      ) : null}
    </>
  );
}
