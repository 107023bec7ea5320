import { Alert, Tabs } from "@mantine/core";
import { IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Ago } from "@/components/ago";
import { useCrumbs } from "@/components/breadcrumbs";
import { Faces, LoadingFace } from "@/components/faces";
import { LineageGraph } from "@/components/lineage-graph";
import { LineageTrail } from "@/components/lineage-trail";
import { PageHeader } from "@/components/page-header";
import { Reason } from "@/components/reason";
import { StateBadge } from "@/components/state-badge";
import { Story } from "@/components/story";
import { useHasRole } from "@/lib/permissions";
import { useFallbackInterval, useLiveRefresh } from "@/live/use-live";
import { keys, modelQuery, servedByQuery, signatureQuery, versionQuery, versionStoryQuery, type Alias, type Version } from "../api";
import { VersionAliases } from "../components/alias-chips";
import { Evaluation } from "../components/evaluation";
import { SignatureTable } from "../components/signature-table";
import { VersionActions } from "../components/version-actions";
import { VersionFacts } from "../components/version-facts";
import { VersionFiles } from "../components/version-files";
import classes from "../components/models.module.css";

const route = getRouteApi("/model-versions/$versionId");
const TABS = ["evaluation", "lineage", "files", "signature", "story"] as const;
const NO_ALIASES: readonly Alias[] = [];

/** One version of a model: how good it is, what it was made of, where it serves. */
export function ModelVersionPage() {
  const { versionId } = route.useParams();
  const query = useQuery({ ...versionQuery(versionId), refetchInterval: useFallbackInterval() });
  useLiveRefresh(`model_version.${versionId}`, [keys.version(versionId), keys.models]);
  return (
    <Faces query={query} loading={<LoadingFace height={420} />}>
      {(version) => <Shown key={version.id} version={version} />}
    </Faces>
  );
}

function Shown({ version }: { version: Version }) {
  const { t } = useTranslation("models");
  const aliases = useQuery(modelQuery(version.model)).data?.aliases ?? NO_ALIASES;
  const endpoints = useQuery(servedByQuery(version.id)).data;
  const mayEdit = useHasRole("editor", version.project);
  useCrumbs([
    { title: t("title"), link: { to: "/models" } },
    { title: version.model_name, link: { to: "/models/$modelId", params: { modelId: version.model } } },
    { title: t("version.short", { number: version.number }) },
  ]);
  return (
    <>
      <PageHeader
        title={t("version.title", { name: version.model_name, number: version.number })}
        badge={
          <>
            <StateBadge noun="model_version" state={version.state} />
            <VersionAliases aliases={aliases.filter((alias) => alias.version === version.id)} mayEdit={mayEdit} />
          </>
        }
        lead={
          <>
            <LineageTrail kind="model_version" id={version.id} />
            <span>{version.project_name}</span>
            {version.registered_by_name ? <span>{t("by", { ns: "common", name: version.registered_by_name })}</span> : null}
            <Ago at={version.created_at} />
          </>
        }
        actions={<VersionActions version={version} aliases={aliases} serving={(endpoints ?? []).map(({ name }) => name)} />}
      />
      {version.state === "ready" ? null : (
        <Alert variant="outline" color="gray" mb="md" icon={<IconInfoCircle aria-hidden />} title={t(version.state_reason === "runs_code" ? "version.is.runsCode" : `version.is.${version.state}`)}>
          <Reason reason={version.state_reason} detail={version.state_detail} message={version.state_message} />
        </Alert>
      )}
      <div className={classes.columns}>
        <VersionTabs version={version} />
        <VersionFacts version={version} endpoints={endpoints} />
      </div>
    </>
  );
}

function VersionTabs({ version }: { version: Version }) {
  const { t } = useTranslation("models");
  const { tab } = route.useSearch();
  const navigate = useNavigate();
  const signature = useQuery(signatureQuery(version.id));
  const current = TABS.find((name) => name === tab) ?? "evaluation";
  const show = (next: string | null): void =>
    void navigate({ to: ".", search: (before) => ({ ...before, tab: next === "evaluation" ? undefined : (next ?? undefined) }), replace: true, resetScroll: false });
  return (
    <Tabs value={current} onChange={show} keepMounted={false}>
      <Tabs.List mb="md">
        {TABS.map((name) => (
          <Tabs.Tab key={name} value={name}>
            {t(`tab.${name}`)}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      <Tabs.Panel value="evaluation">
        <Evaluation evaluation={version.evaluation} labels={signature.data?.label?.classes ?? null} />
      </Tabs.Panel>
      <Tabs.Panel value="lineage">
        <LineageGraph kind="model_version" id={version.id} />
      </Tabs.Panel>
      <Tabs.Panel value="files">
        <VersionFiles version={version} />
      </Tabs.Panel>
      <Tabs.Panel value="signature">
        <Faces query={signature} loading={<LoadingFace rows={8} />}>
          {(found) => <SignatureTable signature={found} />}
        </Faces>
      </Tabs.Panel>
      <Tabs.Panel value="story">
        <Story noun="model_version" query={versionStoryQuery(version.id)} label={t("tab.story")} />
      </Tabs.Panel>
    </Tabs>
  );
}
