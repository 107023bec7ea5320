import { Button } from "@mantine/core";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { Faces, LoadingFace } from "@/components/faces";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { Story } from "@/components/story";
import { WhyWaiting } from "@/components/why/why-waiting";
import { count } from "@/lib/format";
import { revisionStoryQuery, revisionsQuery, type Revision } from "../api";
import classes from "./endpoints.module.css";

/** Every revision, newest first: its model, its state and why, how it came to it. */
export function Revisions({ endpoint }: { endpoint: string }) {
  const { t } = useTranslation("endpoints");
  const query = useQuery(revisionsQuery(endpoint));
  return (
    <Faces query={query} loading={<LoadingFace rows={4} />}>
      {(revisions) => (
        <ol className={classes.revisions} aria-label={t("tab.revisions")}>
          {revisions.map((revision) => (
            <One key={revision.id} revision={revision} />
          ))}
        </ol>
      )}
    </Faces>
  );
}

function One({ revision }: { revision: Revision }) {
  const { t } = useTranslation("endpoints");
  const [opened, setOpened] = useState(false);
  const Chevron = opened ? IconChevronDown : IconChevronRight;
  return (
    <li className={classes.revision}>
      <div className={classes.line}>
        <strong>{t("revision.title", { number: revision.number })}</strong>
        <StateBadge noun="revision" state={revision.state} />
        <Link to="/model-versions/$versionId" params={{ versionId: revision.model_version }}>
          {revision.model_name} v{revision.model_version_number}
        </Link>
        <span>{t("replicas", { ready: count(revision.ready_replicas), wanted: count(revision.replicas), count: revision.replicas })}</span>
        {revision.weight > 0 ? <span>{t("revision.weight", { weight: revision.weight })}</span> : null}
        {revision.requested_by_name ? <span className="soft">{t("by", { ns: "common", name: revision.requested_by_name })}</span> : null}
        <span className="soft">
          <Ago at={revision.created_at} />
        </span>
        {revision.workload ? (
          <Link to="/workloads/$workloadId" params={{ workloadId: revision.workload }}>
            {t("revision.workload")}
          </Link>
        ) : null}
        <Button
          variant="subtle"
          size="compact-xs"
          aria-expanded={opened}
          aria-label={t("revision.storyOf", { number: revision.number })}
          leftSection={<Chevron size={14} aria-hidden />}
          onClick={() => setOpened(!opened)}
        >
          {t("revision.story")}
        </Button>
      </div>
      {revision.state === "pending" && revision.workload ? (
        <WhyWaiting workload={revision.workload} fallback={{ reason: revision.state_reason, detail: revision.state_detail, message: revision.state_message }} />
      ) : revision.state_reason || revision.state_detail ? (
        <p>
          <Reason reason={revision.state_reason} detail={revision.state_detail} message={revision.state_message} />
        </p>
      ) : null}
      {revision.trouble && revision.trouble !== revision.state_detail ? (
        <p className={classes.trouble} lang="en" data-said>
          {revision.trouble}
        </p>
      ) : null}
      {opened ? <StoryOf revision={revision} /> : null}
    </li>
  );
}

function StoryOf({ revision }: { revision: Revision }) {
  const { t } = useTranslation("endpoints");
  return (
    <div className={classes.story}>
      <Story noun="revision" query={revisionStoryQuery(revision.id)} label={t("revision.storyOf", { number: revision.number })} />
    </div>
  );
}
