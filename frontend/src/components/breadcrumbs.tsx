import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import classes from "./breadcrumbs.module.css";

export interface Crumb {
  title: string;
  /** Where it leads; the last one leads nowhere. */
  link?: Pick<LinkProps, "to" | "params" | "search">;
}

let crumbs: readonly Crumb[] = [];
const listeners = new Set<() => void>();
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** A page says where it is; shown in the top bar while the page is. */
export function useCrumbs(wanted: readonly Crumb[]): void {
  const key = JSON.stringify(wanted);
  useEffect(() => {
    crumbs = JSON.parse(key) as Crumb[];
    for (const listener of listeners) listener();
    return () => {
      crumbs = [];
      for (const listener of listeners) listener();
    };
  }, [key]);
}

export function Breadcrumbs() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(subscribe, () => crumbs);
  return (
    <nav aria-label={t("nav.breadcrumbs")} className={classes.crumbs}>
      <ol>
        {shown.map((crumb, index) => (
          <li key={index} className="cut">
            {crumb.link ? (
              <Link {...(crumb.link as LinkProps)} className="cut">
                {crumb.title}
              </Link>
            ) : (
              <span className="cut" aria-current="page">
                {crumb.title}
              </span>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
