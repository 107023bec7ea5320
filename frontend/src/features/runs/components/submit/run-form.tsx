import { MultiSelect, SegmentedControl, Select, TagsInput, Text, TextInput, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { useMe, type Project } from "@/api/me";
import { SchemaForm } from "@/components/schema-form/schema-form";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { useMakeExperiment, secretsQuery } from "../../api-submit";
import { kindOf, needsData, parametersOf, partOf, takesOf, type Draft, type RunKinds } from "../../submit";
import { ExperimentSelect } from "../experiment-select";
import { CodeFields } from "./code-fields";
import { DataPicker } from "./data-picker";
import { MoreInputs } from "./more-inputs";
import { PoolField } from "./pool-field";
import { PriorityField } from "./priority-field";
import { ResourceFields } from "./resource-fields";
import { RunManner } from "./run-manner";
import { ScriptInput } from "./script-input";
import classes from "./submit.module.css";

export interface RunFormProps {
  kinds: RunKinds;
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  /** Where the run will be. */
  project: Project | undefined;
  projects: readonly Project[];
  onProject: (id: string) => void;
  /** What is wrong with a field, in words. */
  errorOf: (path: string) => string | undefined;
  errors: Readonly<Record<string, readonly string[]>>;
  showProblems: boolean;
}

/** The fields of a run, from the API's schemas. */
export function RunForm(props: RunFormProps) {
  const { t } = useTranslation("runs");
  const { kinds, draft, onChange, project, errorOf } = props;
  const takes = takesOf(draft, kinds);
  return (
    <>
      <section aria-label={t("submit.what")}>
        <Title order={2}>{t("submit.what")}</Title>
        <Kinds kinds={kinds} draft={draft} onChange={onChange} />
        <Where {...props} />
      </section>
      <section aria-label={t("submit.data")}>
        <Title order={2}>{t("submit.data")}</Title>
        <DataPicker
          projectId={project?.id}
          version={draft.dataset_version}
          onChange={(dataset_version) => onChange({ dataset_version })}
          error={errorOf("dataset_version")}
          needsSplit={draft.kind === "tabular_classifier"}
          required={needsData(draft, kinds)}
        />
        {errorOf("inputs") ? <Text size="sm" role="alert" c="red.8">{errorOf("inputs")}</Text> : null}
        <MoreInputs draft={draft} projectId={project?.id} onChange={onChange} errorOf={errorOf} />
      </section>
      {takes.length && !takes.includes("script") ? (
        <section aria-label={t("submit.code")}>
          <Title order={2}>{t("submit.code")}</Title>
          <CodeFields draft={draft} takes={takes} projectId={project?.id} onChange={onChange} errorOf={errorOf} />
        </section>
      ) : null}
      {takes.includes("script") ? (
        <section aria-label={t("submit.script")}>
          <Title order={2}>{t("submit.script")}</Title>
          <ScriptInput script={draft.script} onChange={(script) => onChange({ script })} error={errorOf("script")} />
        </section>
      ) : null}
      <section aria-label={t("list.groupParameters")}>
        <Title order={2}>{t("list.groupParameters")}</Title>
        <Parameters {...props} />
      </section>
      <section aria-label={t("submit.resources")}>
        <Title order={2}>{t("submit.resources")}</Title>
        <ResourceFields schema={kinds.request} draft={draft} onChange={onChange} errorOf={errorOf}>
          <PoolField schema={kinds.request} value={draft.pool} onChange={(pool) => onChange({ pool })} error={errorOf("pool")} />
          <PriorityField schema={kinds.request} value={draft.priority_class} onChange={(priority_class) => onChange({ priority_class })} projectId={project?.id} error={errorOf("priority_class")} />
        </ResourceFields>
      </section>
      <section aria-label={t("submit.manner")}>
        <Title order={2}>{t("submit.manner")}</Title>
        <RunManner hasSeed={takes.length > 0} schema={kinds.request} draft={draft} onChange={onChange} errorOf={errorOf} />
      </section>
      <Extras {...props} />
    </>
  );
}

function Kinds({ kinds, draft, onChange }: Pick<RunFormProps, "kinds" | "draft" | "onChange">) {
  const { t, i18n } = useTranslation("runs");
  const chosen = kindOf(draft, kinds);
  return (
    <div className={classes.kinds}>
      <SegmentedControl
        aria-label={t("column.kind")}
        data={kinds.kinds.map((kind) => ({ value: kind.kind, label: wordsOf(kind, i18n.language).title }))}
        value={draft.kind}
        onChange={(kind) => onChange({ kind })}
      />
      {chosen ? (
        <Text size="sm" className="soft" mt={4}>
          {wordsOf(chosen, i18n.language)
            .description.split("`")
            .map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
        </Text>
      ) : null}
    </div>
  );
}

function Where({ draft, onChange, project, projects, onProject, errorOf, kinds }: RunFormProps) {
  const { t, i18n } = useTranslation("runs");
  const make = useMakeExperiment();
  const name = wordsOf(partOf(kinds.request, "name"), i18n.language, "name");
  const create = (wanted: string): void => {
    if (project) make.mutate({ project: project.id, name: wanted }, { onSuccess: (made) => onChange({ experiment: made.id }) });
  };
  return (
    <div className={classes.pair}>
      {projects.length > 1 ? (
        <Select
          required
          searchable
          label={t("column.project")}
          data={projects.map(({ id, name: called }) => ({ value: id, label: called }))}
          value={project?.id ?? null}
          onChange={(id) => id && onProject(id)}
          allowDeselect={false}
          error={project ? undefined : errorOf("experiment")}
        />
      ) : null}
      <ExperimentSelect
        labelled
        required
        key={project?.id ?? ""}
        label={t("column.experiment")}
        placeholder={t("submit.chooseExperiment")}
        projectId={project?.id}
        value={draft.experiment}
        onChange={(experiment) => onChange({ experiment })}
        {...(project ? { onCreate: create } : {})}
        error={make.error?.message ?? errorOf("experiment")}
      />
      <TextInput
        required
        label={name.title}
        description={name.description}
        inputWrapperOrder={["label", "input", "description", "error"]}
        maxLength={partOf(kinds.request, "name").maxLength}
        value={draft.name}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
        error={errorOf("name")}
        data-path="name"
      />
    </div>
  );
}

function Parameters({ kinds, draft, onChange, errors, showProblems }: RunFormProps) {
  const { t } = useTranslation("runs");
  const held = parametersOf(draft, kinds);
  const set = (parameters: Record<string, unknown>): void => onChange({ parameters: { ...draft.parameters, [draft.kind]: parameters } });
  const schema = kindOf(draft, kinds)?.parameters as JsonSchema | undefined;
  const isFree = !Object.keys(schema?.properties ?? {}).length;
  // Names of one's own are a property of their own to a form.
  const free = useMemo<JsonSchema>(
    () => ({ type: "object", required: ["parameters"], properties: { parameters: { type: "object", additionalProperties: true, title: t("submit.ownParameters") } } }),
    [t],
  );
  if (!schema) return null;
  if (!isFree) return <SchemaForm key={draft.kind} schema={schema} value={held} onChange={set} path="parameters" errors={errors} showProblems={showProblems} />;
  return (
    <SchemaForm
      key={draft.kind}
      schema={free}
      value={{ parameters: held }}
      onChange={({ parameters }) => set(parameters as Record<string, unknown>)}
      errors={errors}
      showProblems={showProblems}
    />
  );
}

function Extras({ kinds, draft, onChange, project, errorOf }: RunFormProps) {
  const { t, i18n } = useTranslation("runs");
  const me = useMe();
  const mayRead = me.is_superuser || project !== undefined;
  const secrets = useQuery({ ...secretsQuery(project?.id ?? ""), enabled: mayRead && project !== undefined }).data;
  const words = (path: string) => wordsOf(partOf(kinds.request, path), i18n.language, path);
  const names = [...new Set([...(secrets ?? []).map(({ name }) => name), ...draft.secrets])];
  return (
    <section aria-label={t("submit.more")}>
      <Title order={2}>{t("submit.more")}</Title>
      <div className={classes.pair}>
        <TagsInput
          label={words("tags").title}
          description={words("tags").description}
          value={draft.tags}
          onChange={(tags) => onChange({ tags })}
          maxTags={partOf(kinds.request, "tags").maxItems ?? 20}
          maxLength={40}
          error={errorOf("tags")}
          data-path="tags"
        />
        <MultiSelect
          searchable
          label={words("secrets").title}
          description={words("secrets").description}
          data={names}
          value={draft.secrets}
          onChange={(chosen) => onChange({ secrets: chosen })}
          placeholder={names.length ? "" : t("submit.noSecrets")}
          disabled={!names.length}
          error={errorOf("secrets")}
          data-path="secrets"
        />
      </div>
    </section>
  );
}
