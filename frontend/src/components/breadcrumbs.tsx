import { Link, type LinkProps } from "@tanstack/react-router";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import classes from "./breadcrumbs.module.css";

export interface Crumb {
  title: string;
  /** Where it leads; the last one leads nowhere. */
  link?: Pick<LinkProps, "to" | "params" | "search">;
}

const NOWHERE: readonly Crumb[] = [];
/** Who says last is shown; when they go, who said before. */
let said: readonly (readonly Crumb[])[] = [];
const listeners = new Set<() => void>();
const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** A page says where it is; shown in the top bar while the page is. */
export function useCrumbs(wanted: readonly Crumb[]): void {
  const key = JSON.stringify(wanted);
  useEffect(() => {
    const own = JSON.parse(key) as Crumb[];
    const say = (next: typeof said): void => {
      said = next;
      for (const listener of listeners) listener();
    };
    say([...said, own]);
    return () => say(said.filter((each) => each !== own));
  }, [key]);
}

export function Breadcrumbs() {
  const { t } = useTranslation();
  const shown = useSyncExternalStore(subscribe, () => said.at(-1) ?? NOWHERE);
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
