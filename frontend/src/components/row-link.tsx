import { useRouter, type LinkProps, type RegisteredRouter } from "@tanstack/react-router";
import type { MouseEvent, ReactNode } from "react";

type Target = Pick<LinkProps<"a", RegisteredRouter>, "to" | "params">;

interface Props {
  /** The address, for a new tab: the router is not asked for hundreds of them while somebody scrolls. */
  href: string;
  /** The same, as the router takes it; called when somebody goes there. */
  target: () => Target;
  title?: string | undefined;
  className?: string | undefined;
  children: ReactNode;
}

/** A link in a row of a long table: the router's own costs more than the rest of the row. */
export function RowLink({ href, target, title, className, children }: Props) {
  const router = useRouter();
  const go = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void router.navigate(target() as Parameters<typeof router.navigate>[0]);
  };
  return (
    // Arrows move between rows and Enter opens one; Tab need not stop at each.
    <a href={href} title={title} className={className} tabIndex={-1} onClick={go} onPointerEnter={() => void router.preloadRoute(target() as never)}>
      {children}
    </a>
  );
}
