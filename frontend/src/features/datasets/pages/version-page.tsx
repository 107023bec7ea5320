import { Alert, Tabs } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { CopyButton } from "@/components/copy-button";
import { Faces, LoadingFace } from "@/components/faces";
import { LineageGraph } from "@/components/lineage-graph";
import { Story } from "@/components/story";
import { PageHeader } from "@/components/page-header";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { bytes, count } from "@/lib/format";
import { useLiveRefresh } from "@/live/use-live";
import { keys, versionQuery, versionStoryQuery, type VersionDetail } from "../api";
import { VersionNames } from "../components/version-names";
import { ColumnsTab } from "../components/columns-tab";
import { FilesTable } from "../components/files-table";
import { ReportRail } from "../components/report-rail";
import { SampleTable } from "../components/sample-table";
import { SplitBar } from "../components/split-bar";
import { VersionActions } from "../components/version-actions";
import { QualityNote, VersionGate } from "../components/version-gate";
import { VersionQuality } from "../components/version-quality";
import { shownState } from "../logic/expectation";
import { referenceOf } from "../logic/reference";
import classes from "./version-page.module.css";

const route = getRouteApi("/dataset-versions/$versionId");

/** One version: what it holds, how it was cleaned, what it was made of. */
export function VersionPage() {
  const { versionId } = route.useParams();
  const query = useQuery(versionQuery(versionId));
  useLiveRefresh(`dataset_version.${versionId}`, [keys.version(versionId)]);
  return (
    <Faces query={query} loading={<LoadingFace height={420} />}>
      {(version) => <Shown version={version} />}
    </Faces>
  );
}

function Shown({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { t: tVersions } = useTranslation("versions");
  useCrumbs([
    { title: t("title"), link: { to: "/datasets" } },
    { title: version.dataset_name, link: { to: "/datasets/$datasetId", params: { datasetId: version.dataset } } },
    { title: t("version.short", { number: version.number }) },
  ]);
  return (
    <>
      <PageHeader
        title={t("version.title", { name: version.dataset_name, number: version.number })}
        cut={version.dataset_name}
        badge={<StateBadge noun="dataset_version" state={shownState(version)} />}
        lead={<Lead version={version} />}
        actions={<VersionActions version={version} />}
      />
      {version.state === "validating" ? <VersionGate version={version} /> : null}
      {version.state === "published" ? <QualityNote version={version} /> : null}
      {version.state === "published" || version.state === "validating" ? null : (
        <Alert variant="outline" color="gray" mb="md" icon={<IconInfoCircle aria-hidden />} title={t(`version.is.${version.state}`)}>
          <Reason reason={version.state_reason} detail={version.state_detail} message={version.state_message} />
        </Alert>
      )}
      {version.data_tombstoned_at ? (
        <Alert variant="outline" color="gray" mb="md" icon={<IconInfoCircle aria-hidden />}>
          {tVersions(version.data_deleted_at ? "data.deleted" : "data.going")}
        </Alert>
      ) : null}
      <Facts version={version} />
      <VersionTabs version={version} />
    </>
  );
}

function Lead({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  return (
    <>
      <span>{t("version.shape", { rows: count(version.row_count), columns: count(version.schema.length), count: version.schema.length })}</span>
      <span>{bytes(version.size_bytes)}</span>
      <Origin version={version} />
      {version.created_by_name ? <span>{tCommon("by", { name: version.created_by_name })}</span> : null}
      <Ago at={version.created_at} />
      <VersionNames version={version} />
    </>
  );
}

/** The file it was parsed from, or the recipe and the version that it was cleaned from. */
function Origin({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  if (version.ingestion) {
    return (
      <>
        <Link to="/dataset-jobs/$kind/$jobId" params={{ kind: "ingestion", jobId: version.ingestion }}>
          {t("version.fromFile", { name: version.source_name })}
        </Link>
        {version.parent ? (
          <Link to="/dataset-versions/$versionId" params={{ versionId: version.parent }}>
            {t("version.appended", { number: version.parent_number })}
          </Link>
        ) : null}
      </>
    );
  }
  if (!version.parent) return null;
  return (
    <>
      <Link to="/dataset-versions/$versionId" params={{ versionId: version.parent }}>
        {version.parent_dataset === version.dataset
          ? t("version.fromVersion", { number: version.parent_number })
          : t("version.fromOther", { name: version.parent_dataset_name, number: version.parent_number })}
      </Link>
      {version.recipe_name ? <span>{t("version.byRecipe", { name: version.recipe_name, number: version.recipe_number })}</span> : null}
    </>
  );
}

function Facts({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { t: tVersions } = useTranslation("versions");
  const splits = Object.keys(version.splits).length > 0;
  const reference = referenceOf(version, version.number);
  return (
    <dl className={classes.facts}>
      {splits ? (
        <Fact term={t("version.splits")} wide>
          <SplitBar splits={version.splits} />
        </Fact>
      ) : null}
      <Fact term={t("version.sensitivity")}>{t(`sensitivity.${version.sensitivity}`)}</Fact>
      <Fact term={tVersions("reference.title")}>
        <span className={classes.digest}>
          <code>{reference}</code>
          <CopyButton text={reference} label={tVersions("reference.copy")} />
        </span>
      </Fact>
      <Fact term={t("version.digest")}>
        <span className={classes.digest}>
          <code title={version.digest}>{version.digest.slice(0, 23)}…</code>
          <CopyButton text={version.digest} label={t("version.copyDigest")} />
        </span>
      </Fact>
    </dl>
  );
}

function Fact({ term, wide = false, children }: { term: string; wide?: boolean; children: ReactNode }) {
  return (
    <div className={classes.fact} data-wide={wide || undefined}>
      <dt>{term}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const TABS = ["columns", "quality", "sample", "report", "lineage", "files", "story"] as const;

function VersionTabs({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const { tab } = route.useSearch();
  const shown = TABS.filter((name) => name !== "report" || version.report.length > 0);
  const current = shown.find((name) => name === tab) ?? "columns";
  const show = (next: string | null): void =>
    void navigate({ to: ".", search: (before) => ({ ...before, tab: next === "columns" ? undefined : (next ?? undefined), column: undefined }), replace: true, resetScroll: false });
  return (
    <Tabs value={current} onChange={show} keepMounted={false}>
      <Tabs.List mb="md">
        {shown.map((name) => (
          <Tabs.Tab key={name} value={name}>
            {t(`tab.${name}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="columns">
        <ColumnsTab version={version} />
      </Tabs.Panel>
      <Tabs.Panel value="quality">
        <VersionQuality version={version} />
      </Tabs.Panel>
      <Tabs.Panel value="sample">
        <SampleTable version={version.id} />
      </Tabs.Panel>
      <Tabs.Panel value="report">
        <ReportRail version={version.id} />
      </Tabs.Panel>
      <Tabs.Panel value="lineage">
        <LineageGraph kind="dataset_version" id={version.id} />
      </Tabs.Panel>
      <Tabs.Panel value="files">
        <FilesTable version={version} />
      </Tabs.Panel>
      <Tabs.Panel value="story">
        <Story noun="dataset_version" query={versionStoryQuery(version.id)} label={t("tab.story")} />
      </Tabs.Panel>
    </Tabs>
  );
}
