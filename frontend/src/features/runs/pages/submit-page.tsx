import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMe, type Project } from "@/api/me";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "@/components/breadcrumbs";
import { ErrorDetails, Faces, LoadingFace, NotAllowed } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { problemsOf } from "@/components/schema-form/problems";
import { useHasRole, useProject } from "@/lib/permissions";
import { experimentQuery, requestQuery, runKindsQuery, useSubmitRun, versionQuery } from "../api-submit";
import { EffectPanel } from "../components/submit/effect-panel";
import { RunForm } from "../components/submit/run-form";
import classes from "../components/submit/submit.module.css";
import { bodyOf, curlOf, draftOf, freshDraft, kindOf, membersOf, missingIn, parametersOf, type Draft, type RunKinds } from "../submit";

const route = getRouteApi("/runs/new");
const NO_ERRORS: Readonly<Record<string, readonly string[]>> = {};

/** Submit a run, or one like another. */
export function SubmitPage() {
  const { t } = useTranslation("runs");
  const { from, version } = route.useSearch();
  const title = from ? t("submit.cloneTitle") : t("submit.title");
  useCrumbs([{ title: t("title"), link: { to: "/runs" } }, { title }]);
  const kinds = useQuery(runKindsQuery);
  const may = useHasRole("editor");
  if (!may) return <NotAllowed detail={t("list.mayNotEdit")} />;
  return (
    <>
      <PageHeader title={title} lead={t("submit.lead")} />
      <Faces query={kinds} loading={<LoadingFace height={520} />}>
        {(known) => (from ? <Cloned key={from} kinds={known} run={from} /> : <Form kinds={known} first={{ ...freshDraft(known), dataset_version: version }} />)}
      </Faces>
    </>
  );
}

function Cloned({ kinds, run }: { kinds: RunKinds; run: string }) {
  const asked = useQuery(requestQuery(run));
  return (
    <Faces query={asked} loading={<LoadingFace height={520} />}>
      {(request) => <Form kinds={kinds} first={draftOf(request)} />}
    </Faces>
  );
}

/** The project of the run: its experiment's; before there is one, the data's, the address's or the only one. */
function useTarget(draft: Draft): { project: Project | undefined; projects: Project[]; choose: (id: string) => void } {
  const me = useMe();
  const named = useProject();
  const [chosen, setChosen] = useState<string>();
  const projects = me.projects.filter(({ role }) => me.is_superuser || role !== "viewer");
  const experiment = useQuery({ ...experimentQuery(draft.experiment ?? ""), enabled: draft.experiment !== undefined }).data;
  const data = useQuery({ ...versionQuery(draft.dataset_version ?? ""), enabled: draft.dataset_version !== undefined }).data;
  const id = experiment?.project ?? chosen ?? named?.id ?? data?.project ?? (projects.length === 1 ? projects[0]?.id : undefined);
  return { project: projects.find((each) => each.id === id), projects, choose: setChosen };
}

function Form({ kinds, first }: { kinds: RunKinds; first: Draft }) {
  const { t } = useTranslation("runs");
  const [draft, setDraft] = useState(first);
  const [tried, setTried] = useState(false);
  const [changed, setChanged] = useState<ReadonlySet<string>>(new Set());
  const key = useRef(crypto.randomUUID());
  const form = useRef<HTMLFormElement>(null);
  const { project, projects, choose } = useTarget(draft);
  const submit = useSubmitRun();
  const navigate = useNavigate();
  const errors = submit.error instanceof ApiError ? submit.error.fields : NO_ERRORS;
  const missing = missingIn(draft, kinds);
  const body = useMemo(() => bodyOf(draft, kinds), [draft, kinds]);
  const call = useMemo(() => curlOf(body, window.location.origin), [body]);
  const wrong = useMemo(() => Object.keys(problemsOf(kindOf(draft, kinds)?.parameters ?? {}, parametersOf(draft, kinds), "parameters")).length, [draft, kinds]);

  const onChange = (part: Partial<Draft>): void => {
    setDraft((before) => ({ ...before, ...part }));
    setChanged((before) => new Set([...before, ...Object.keys(part)]));
    key.current = crypto.randomUUID();
  };
  const errorOf = (path: string): string | undefined => {
    const [name = ""] = path.split(".");
    const said = changed.has(name) ? undefined : (errors[path] ?? Object.entries(errors).find(([place]) => place.startsWith(`${path}.`) || place.startsWith(`${path}[`))?.[1]);
    if (said) return said.join(" ");
    return tried && missing.some((each) => each === path) ? t(`submit.missing.${path as "name"}`) : undefined;
  };
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (missing.length || wrong) return;
    setChanged(new Set());
    submit.mutate({ body, key: key.current }, { onSuccess: (run) => void navigate({ to: "/runs/$runId", params: { runId: run.id } }) });
  };
  useEffect(() => {
    // What is wrong is shown to whoever has just tried.
    if (tried || submit.error) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [tried, submit.error]);
  return (
    <div className={classes.page}>
      <form ref={form} className={classes.form} onSubmit={send} noValidate>
        <RunForm
          {...{ kinds, draft, onChange, project, projects, errorOf, errors }}
          onProject={(id) => {
            choose(id);
            onChange({ experiment: undefined });
          }}
          showProblems={tried}
        />
        <div className={classes.foot}>
          {submit.error ? <ErrorDetails error={submit.error} /> : null}
          {tried && (missing.length > 0 || wrong > 0) ? <span role="alert">{t("submit.mend")}</span> : null}
          <Button type="submit" size="sm" loading={submit.isPending}>
            {t("submit.verb")}
          </Button>
        </div>
      </form>
      <EffectPanel projectId={project?.id} resources={draft.resources} members={membersOf(draft).count_min} pool={draft.pool} call={call} />
    </div>
  );
}
