import { Button, NumberInput, SegmentedControl, Select, TextInput } from "@mantine/core";
import { IconRocket } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "@/components/breadcrumbs";
import { EmptyState } from "@/components/empty-state";
import { ErrorDetails, Faces, LoadingFace, NotAllowed } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { useHasRole, useProject } from "@/lib/permissions";
import { endpointChoiceQuery, readyVersionsQuery, useDeploy, type DeployAsked, type Endpoint, type ModelVersion } from "../api";
import { DeployEffect } from "../components/deploy-effect";
import { callOf } from "../record";
import classes from "../components/endpoints.module.css";

const route = getRouteApi("/endpoints/new");
const REPLICAS_MOST = 100;

/** Deploy a model version: at a new address, or as the next revision of one. */
export function DeployPage() {
  const { t } = useTranslation("endpoints");
  const me = useMe();
  const project = useProject();
  const may = useHasRole("editor");
  const versions = useQuery(readyVersionsQuery(project?.id));
  const endpoints = useQuery(endpointChoiceQuery(project?.id));
  useCrumbs([{ title: t("title"), link: { to: "/endpoints" } }, { title: t("deploy.title") }]);
  if (!may) return <NotAllowed detail={t("mayNot")} />;
  const mine = (id: string): boolean => me.is_superuser || me.projects.some((each) => each.id === id && each.role !== "viewer");
  return (
    <>
      <PageHeader title={t("deploy.title")} lead={t("deploy.lead")} />
      <Faces query={versions} loading={<LoadingFace height={360} />}>
        {(ready) => (
          <Faces query={endpoints} loading={<LoadingFace height={360} />}>
            {(all) =>
              ready.length ? (
                <Form versions={ready.filter((each) => mine(each.project))} endpoints={all.filter((each) => mine(each.project))} />
              ) : (
                <EmptyState text={t("deploy.noVersion")} action={<LinkButton to="/models">{t("deploy.toModels")}</LinkButton>} />
              )
            }
          </Faces>
        )}
      </Faces>
    </>
  );
}

interface FormProps {
  versions: readonly ModelVersion[];
  endpoints: readonly Endpoint[];
}

function Form({ versions, endpoints }: FormProps) {
  const { t } = useTranslation("endpoints");
  const search = route.useSearch();
  const navigate = useNavigate();
  const first = endpoints.find(({ id }) => id === search.endpoint);
  const [version, setVersion] = useState<string | null>(search.version ?? null);
  const [isNew, setNew] = useState(!first);
  const [endpoint, setEndpoint] = useState<string | null>(first?.id ?? null);
  const [name, setName] = useState("");
  const [replicas, setReplicas] = useState(first?.health.wanted_replicas || 1);
  const [tried, setTried] = useState(false);
  const [changed, setChanged] = useState<ReadonlySet<string>>(new Set());
  const key = useRef(crypto.randomUUID());
  const deploy = useDeploy();
  const chosen = versions.find(({ id }) => id === version);
  const target = isNew ? null : (endpoints.find(({ id }) => id === endpoint) ?? null);
  // A revision is of its endpoint's project; a model serves only in its own.
  const fitting = versions.filter((each) => !target || each.project === target.project);
  const places = endpoints.filter((each) => !chosen || each.project === chosen.project);
  const asked: DeployAsked = { project: chosen?.project ?? "", endpoint: target?.id ?? null, name: name.trim(), model_version: version ?? "", replicas };
  const call = callFor(asked);
  const said = deploy.error instanceof ApiError ? deploy.error.fields : {};
  const note = (field: string): void => {
    setChanged((before) => new Set(before).add(field));
    key.current = crypto.randomUUID();
  };
  const errorOf = (field: string, isMissing: boolean): string | undefined => {
    if (!changed.has(field) && said[field]) return said[field].join(" ");
    return tried && isMissing ? t(`deploy.missing.${field as "name"}`) : undefined;
  };
  const lacks = { model_version: !chosen, name: isNew && !name.trim(), endpoint: !isNew && !target };
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    setChanged(new Set());
    if (lacks.model_version || lacks.name || lacks.endpoint) return;
    deploy.mutate({ asked, key: key.current }, { onSuccess: (id) => void navigate({ to: "/endpoints/$endpointId", params: { endpointId: id } }) });
  };
  const isShown = Object.keys(said).some((field) => ["model_version", "name", "endpoint", "replicas"].includes(field));
  return (
    <div className={classes.page}>
      <form className={classes.form} onSubmit={send} noValidate>
        <section>
          <h2>{t("deploy.what")}</h2>
          <Select
            label={t("deploy.version")}
            required
            searchable
            data={fitting.map((each) => ({ value: each.id, label: labelOf(each) }))}
            value={version}
            onChange={(next) => (setVersion(next), note("model_version"))}
            error={errorOf("model_version", lacks.model_version)}
            nothingFoundMessage={t("deploy.noMatch")}
          />
        </section>
        <section>
          <h2>{t("deploy.where")}</h2>
          <SegmentedControl
            aria-label={t("deploy.where")}
            value={isNew ? "new" : "next"}
            onChange={(next) => (setNew(next === "new"), note("endpoint"))}
            data={[
              { value: "new", label: t("deploy.newEndpoint") },
              { value: "next", label: t("deploy.existing"), disabled: !places.length },
            ]}
            w="fit-content"
          />
          {isNew ? (
            <TextInput label={t("deploy.name")} description={t("deploy.nameHint")} required value={name} onChange={(event) => (setName(event.currentTarget.value), note("name"))} error={errorOf("name", lacks.name)} />
          ) : (
            <Select
              label={t("deploy.endpoint")}
              required
              searchable
              data={places.map((each) => ({ value: each.id, label: `${each.project_name} / ${each.name}` }))}
              value={endpoint}
              onChange={(next) => (setEndpoint(next), note("endpoint"))}
              error={errorOf("endpoint", lacks.endpoint)}
            />
          )}
        </section>
        <section>
          <h2>{t("deploy.size")}</h2>
          <NumberInput
            label={t("deploy.replicas")}
            description={t("deploy.replicasHint")}
            value={replicas}
            onChange={(next) => {
              if (typeof next === "number") setReplicas(next);
              note("replicas");
            }}
            min={1}
            max={REPLICAS_MOST}
            allowDecimal={false}
            error={errorOf("replicas", false)}
            w={240}
          />
        </section>
        {deploy.error && !isShown ? <ErrorDetails error={deploy.error} /> : null}
        <Button type="submit" loading={deploy.isPending} leftSection={<IconRocket size={14} aria-hidden />} style={{ alignSelf: "flex-start" }}>
          {t("deploy.verb")}
        </Button>
      </form>
      <DeployEffect endpoint={target} name={name.trim()} version={chosen} replicas={replicas} call={call} />
    </div>
  );
}

const labelOf = (version: ModelVersion): string =>
  `${version.project_name} / ${version.model_name} v${version.number}${version.aliases.length ? ` (${version.aliases.join(", ")})` : ""}`;

function callFor({ project, endpoint, name, model_version, replicas }: DeployAsked): string {
  const { origin } = window.location;
  if (endpoint) return callOf(`${origin}/api/v1/revisions`, { endpoint, model_version, replicas });
  return callOf(`${origin}/api/v1/endpoints`, { project, name, model_version, replicas });
}
