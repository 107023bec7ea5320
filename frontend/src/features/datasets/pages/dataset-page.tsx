import { Tabs } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { Faces, LoadingFace } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { LinkButton } from "@/components/link-button";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { datasetQuery, keys, versionsQuery, type Dataset } from "../api";
import { CompareTab } from "../components/compare-tab";
import { DatasetJobs } from "../components/dataset-jobs";
import { Follow } from "../components/follow";
import { JobState } from "../components/job-state";
import { KeepTab } from "../components/keep-tab";
import { QualityTab } from "../components/quality-tab";
import { SchedulesTable } from "../components/schedules-table";
import { SourcesTable } from "../components/sources-table";
import { VersionsTable } from "../components/versions-table";

const route = getRouteApi("/datasets/$datasetId");
const TABS = ["versions", "quality", "compare", "keep", "sources", "schedules", "jobs"] as const;

/** A named line of versions. */
export function DatasetPage() {
  const { datasetId } = route.useParams();
  const query = useQuery(datasetQuery(datasetId));
  return (
    <Faces query={query} loading={<LoadingFace height={320} />}>
      {(dataset) => <Shown dataset={dataset} />}
    </Faces>
  );
}

function Shown({ dataset }: { dataset: Dataset }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const navigate = useNavigate();
  const { tab } = route.useSearch();
  const mayUpload = useHasRole("editor", dataset.project);
  const versions = useQuery(versionsQuery(dataset.id));
  useCrumbs([{ title: t("title"), link: { to: "/datasets" } }, { title: dataset.name }]);
  const current = TABS.find((name) => name === tab) ?? "versions";
  const show = (next: string | null): void =>
    void navigate({ to: ".", search: (before) => ({ ...before, tab: next === "versions" ? undefined : (next ?? undefined) }), replace: true });
  const job = dataset.newest_job;
  return (
    <>
      <PageHeader
        title={dataset.name}
        badge={job ? <JobState kind={job.kind} id={job.id} state={job.state} message={job.state_message} /> : undefined}
        lead={
          <>
            {dataset.title ? <span>{dataset.title}</span> : null}
            <span>{dataset.project_name}</span>
            <span>{t("list.versions", { count: dataset.version_count, n: count(dataset.version_count) })}</span>
            {dataset.created_by_name ? <span>{tCommon("by", { name: dataset.created_by_name })}</span> : null}
            <Ago at={dataset.created_at} />
          </>
        }
        actions={
          mayUpload ? (
            <LinkButton to="/datasets/new" search={{ dataset: dataset.id }} leftSection={<IconUpload size={14} aria-hidden />}>
              {t(dataset.version_count > 0 ? "upload.another" : "upload.verb")}
            </LinkButton>
          ) : undefined
        }
      />
      {job ? <Follow subjects={[job]} refresh={[keys.dataset(dataset.id), keys.versionsOf(dataset.id)]} /> : null}
      {dataset.description ? <p style={{ maxWidth: 720, whiteSpace: "pre-wrap" }}>{dataset.description}</p> : null}
      <Tabs value={current} onChange={show} keepMounted={false}>
        <Tabs.List mb="md">
          {TABS.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {t(`tab.${name}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="versions">
          <VersionsTable dataset={dataset} query={versions} />
        </Tabs.Panel>
        <Tabs.Panel value="quality">
          <QualityTab dataset={dataset} versions={versions.data} />
        </Tabs.Panel>
        <Tabs.Panel value="compare">
          <Faces query={versions}>{(found) => <CompareTab versions={found} />}</Faces>
        </Tabs.Panel>
        <Tabs.Panel value="keep">
          <KeepTab dataset={dataset} />
        </Tabs.Panel>
        <Tabs.Panel value="sources">
          <SourcesTable dataset={dataset.id} hasVersions={dataset.version_count > 0} />
        </Tabs.Panel>
        <Tabs.Panel value="schedules">
          <SchedulesTable dataset={dataset.id} mayAsk={mayUpload} />
        </Tabs.Panel>
        <Tabs.Panel value="jobs">
          <DatasetJobs dataset={dataset.id} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
