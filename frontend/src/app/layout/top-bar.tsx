import { ActionIcon, Menu, SegmentedControl, UnstyledButton, useMantineColorScheme } from "@mantine/core";
import { IconMoon, IconSearch, IconSun, IconSunMoon, IconUser } from "@tabler/icons-react";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { useHotkeys } from "@mantine/hooks";
import { useMe } from "@/api/me";
import { chooseLanguage, type Language } from "@/lib/i18n";
import { Breadcrumbs } from "@/components/breadcrumbs";
import { Bell } from "./bell";
import { Help } from "./help";
import { ProjectSwitch } from "./project-switch";
import { signOut } from "./sign-out";
import classes from "./top-bar.module.css";

const Palette = lazy(() => import("./palette"));

export function TopBar() {
  const { t } = useTranslation();
  const [palette, setPalette] = useState(false);
  // From within a field, too: nobody types it.
  useHotkeys([["mod+K", () => setPalette(true)]], []);
  useHotkeys([["/", () => setPalette(true)]]);
  return (
    <header className={classes.bar}>
      <ProjectSwitch />
      <Breadcrumbs />
      <div className={classes.tools}>
        <UnstyledButton className={classes.search} onClick={() => setPalette(true)} aria-keyshortcuts="Control+K Meta+K">
          <IconSearch size={14} aria-hidden />
          <span>{t("top.search")}</span>
          <kbd>⌘K</kbd>
        </UnstyledButton>
        <Bell />
        <Help />
        <LanguageSwitch />
        <SchemeSwitch />
        <AccountMenu />
      </div>
      {palette ? (
        <Suspense fallback={null}>
          <Palette onClose={() => setPalette(false)} />
        </Suspense>
      ) : null}
    </header>
  );
}

function LanguageSwitch() {
  const { t, i18n } = useTranslation();
  return (
    <SegmentedControl
      size="xs"
      aria-label={t("top.language")}
      value={i18n.language}
      onChange={(value) => void chooseLanguage(value as Language)}
      data={[
        { value: "en", label: <span lang="en">EN</span> },
        { value: "zh", label: <span lang="zh-Hans">中</span> },
      ]}
    />
  );
}

const SCHEMES = [
  { value: "light", icon: IconSun, word: "light" },
  { value: "dark", icon: IconMoon, word: "dark" },
  { value: "auto", icon: IconSunMoon, word: "system" },
] as const;

function SchemeSwitch() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const Current = SCHEMES.find(({ value }) => value === colorScheme)?.icon ?? IconSunMoon;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t("top.theme")} title={t("top.theme")}>
          <Current size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {SCHEMES.map(({ value, icon: Icon, word }) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={14} aria-hidden />}
            onClick={() => setColorScheme(value)}
            aria-current={value === colorScheme || undefined}
            fw={value === colorScheme ? 600 : undefined}
          >
            {t(`top.${word}`)}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountMenu() {
  const { t } = useTranslation();
  const me = useMe();
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={t("top.account")} title={me.username}>
          <IconUser size={18} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("top.signedInAs", { name: me.username })}</Menu.Label>
        <Menu.Item onClick={() => void signOut()}>{t("top.signOut")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
