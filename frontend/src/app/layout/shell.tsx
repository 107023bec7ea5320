import { useHotkeys, useLocalStorage, useMediaQuery } from "@mantine/hooks";
import { Outlet, useLocation } from "@tanstack/react-router";
import { Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { LoadingFace, ProjectNotFound } from "@/components/faces";
import { useProjectSeen } from "@/lib/permissions";
import { Nav } from "./nav";
import { OfflineBar } from "./offline-bar";
import { TopBar } from "./top-bar";
import classes from "./shell.module.css";

/** The frame of every page: navigation, top bar, content. */
export function Shell() {
  const { t } = useTranslation();
  const [collapsed, setCollapsed] = useCollapsed();
  const main = useRef<HTMLElement>(null);
  const path = useLocation({ select: (location) => location.pathname });
  const first = useRef(true);
  useEffect(() => {
    // A new page is announced and read from its beginning; the first one keeps the browser's own focus.
    if (!first.current) main.current?.focus({ preventScroll: true });
    first.current = false;
  }, [path]);
  useHotkeys([["mod+B", () => setCollapsed(!collapsed)]]);
  return (
    <div className={classes.shell} data-collapsed={collapsed || undefined}>
      <a className={classes.skip} href="#content">
        {t("nav.skip")}
      </a>
      <Nav collapsed={collapsed} onToggle={() => setCollapsed(!collapsed)} />
      <div className={classes.column}>
        <TopBar />
        <OfflineBar />
        <main id="content" ref={main} tabIndex={-1} className={classes.main}>
          <Suspense fallback={<LoadingFace rows={8} />}>
            <Content />
          </Suspense>
        </main>
      </div>
    </div>
  );
}

/** Whether of the navigation its icons alone are shown: as the reader said, and on a narrow screen until the reader wants it. */
function useCollapsed(): [boolean, (collapsed: boolean) => void] {
  const [kept, keep] = useLocalStorage({ key: "bedplate-nav-collapsed", defaultValue: false, getInitialValueInEffect: false });
  const isNarrow = useMediaQuery("(max-width: 720px)", false, { getInitialValueInEffect: false });
  const [isOpen, setOpen] = useState(false);
  return isNarrow ? [!isOpen, (collapsed) => setOpen(!collapsed)] : [kept, keep];
}

/** The page; instead of one of all projects, where the address names one that the reader cannot see, it says so. */
function Content() {
  const seen = useProjectSeen();
  if (seen === undefined) return <LoadingFace rows={8} />;
  return seen ? <Outlet /> : <ProjectNotFound />;
}
