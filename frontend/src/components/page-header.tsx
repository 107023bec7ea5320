import { Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import classes from "./page-header.module.css";

interface Props {
  title: string;
  /** The beginning of the title that is cut where there is no room; the rest stays. Else its end is cut. */
  cut?: string;
  /** A state badge beside the title. */
  badge?: ReactNode;
  /** One line: what this is, owner, when, lineage chips. */
  lead?: ReactNode;
  /** The primary verb and the menu of others. */
  actions?: ReactNode;
}

/** The head of every page; also names the browser's tab. */
export function PageHeader({ title, cut = title, badge, lead, actions }: Props) {
  useEffect(() => {
    document.title = `${title} · Bedplate`;
  }, [title]);
  return (
    <header className={classes.header}>
      <div className={classes.row}>
        <Title order={1} className={classes.title} title={title}>
          <span className="cut">{cut}</span>
          {title.length > cut.length ? <span className={classes.rest}>{title.slice(cut.length)}</span> : null}
        </Title>
        {badge ? <div className={classes.badge}>{badge}</div> : null}
        <div className={classes.actions}>{actions}</div>
      </div>
      {lead ? <div className={classes.lead}>{lead}</div> : null}
    </header>
  );
}
