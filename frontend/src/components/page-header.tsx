import { Group, Title } from "@mantine/core";
import { useEffect, type ReactNode } from "react";
import classes from "./page-header.module.css";

interface Props {
  title: string;
  /** A state badge beside the title. */
  badge?: ReactNode;
  /** One line: what this is, owner, when, lineage chips. */
  lead?: ReactNode;
  /** The primary verb and the menu of others. */
  actions?: ReactNode;
}

/** The head of every page; also names the browser's tab. */
export function PageHeader({ title, badge, lead, actions }: Props) {
  useEffect(() => {
    document.title = `${title} · Bedplate`;
  }, [title]);
  return (
    <header className={classes.header}>
      <Group gap="sm" wrap="nowrap" className={classes.row}>
        <Title order={1} className="cut" title={title}>
          {title}
        </Title>
        {badge}
        <div className={classes.actions}>{actions}</div>
      </Group>
      {lead ? <div className={classes.lead}>{lead}</div> : null}
    </header>
  );
}
