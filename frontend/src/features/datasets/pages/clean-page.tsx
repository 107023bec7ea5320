import { Alert, Button, Group, Select, Text, TextInput, Title } from "@mantine/core";
import { IconWand } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "@/components/breadcrumbs";
import { ErrorDetails, Faces, LoadingFace, NotAllowed } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { createCleaningRun, createRecipe, keys, recipesQuery, recipeStepsQuery, versionQuery, versionsQuery, type Recipe, type StepForm, type VersionDetail } from "../api";
import { PreviewPanel } from "../components/preview-panel";
import { RecipeEditor } from "../components/recipe-editor";
import { editedFrom, kindOf, orderProblems, secretOption, sameSteps, suggested, type EditedStep } from "../logic/recipe";
import { usePreview } from "../preview";
import { secretNamesQuery } from "../schedules-api";
import classes from "./clean-page.module.css";

const route = getRouteApi("/dataset-versions/$versionId/clean");
const NO_ERRORS: Readonly<Record<string, readonly string[]>> = {};

/** A recipe is put together, or chosen, and applied to a version. */
export function CleanPage() {
  const { versionId } = route.useParams();
  const version = useQuery(versionQuery(versionId));
  return (
    <Faces query={version} loading={<LoadingFace height={420} />}>
      {(found) => <WithRecipes version={found} />}
    </Faces>
  );
}

function WithRecipes({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const forms = useQuery(recipeStepsQuery);
  const recipes = useQuery(recipesQuery(version.project));
  const mayClean = useHasRole("editor", version.project);
  const { recipe, step } = route.useSearch();
  const title = t("clean.title", { name: version.dataset_name, number: version.number });
  useCrumbs([
    { title: t("title"), link: { to: "/datasets" } },
    { title: version.dataset_name, link: { to: "/datasets/$datasetId", params: { datasetId: version.dataset } } },
    { title: t("version.short", { number: version.number }), link: { to: "/dataset-versions/$versionId", params: { versionId: version.id } } },
    { title: t("clean.verb") },
  ]);
  if (!mayClean) return <NotAllowed />;
  return (
    <>
      <PageHeader title={title} lead={<span>{t("version.shape", { rows: count(version.row_count), columns: count(version.schema.length), count: version.schema.length })}</span>} />
      {version.state === "published" || version.state === "validating" ? (
        <Faces query={forms}>
          {(kinds) => (
            <Faces query={recipes}>
              {(found) => <Editor key={recipe ?? "new"} version={version} forms={kinds} recipes={found} chosen={found.find(({ id }) => id === recipe)} suggestion={suggestionOf(kinds, step)} />}
            </Faces>
          )}
        </Faces>
      ) : (
        <Text className="soft">{t("clean.notPublished")}</Text>
      )}
    </>
  );
}

/** The step that the address names, with what it leaves out as forms begin; undefined where there is no such kind. */
function suggestionOf(forms: readonly StepForm[], step: Record<string, unknown> | undefined): Record<string, unknown> | undefined {
  const form = forms.find(({ kind }) => kind === step?.kind);
  return form && step ? suggested(form, step) : undefined;
}

interface EditorProps {
  version: VersionDetail;
  forms: StepForm[];
  recipes: Recipe[];
  chosen: Recipe | undefined;
  /** A step that comes after those of the recipe: a finding suggested it. */
  suggestion: Record<string, unknown> | undefined;
}

function Editor({ version, forms, recipes, chosen, suggestion }: EditorProps) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const [steps, setSteps] = useState<readonly EditedStep[]>(() => editedFrom([...(chosen?.steps ?? []), ...(suggestion ? [suggestion] : [])]));
  const [name, setName] = useState(chosen?.name ?? version.dataset_name);
  const [tried, setTried] = useState(false);
  const kinds = useMemo(() => new Map(forms.map((form) => [form.kind as string, form])), [forms]);
  const problems = useMemo(() => orderProblems(steps, kinds), [steps, kinds]);
  const values = steps.map(({ value }) => value);
  const preview = usePreview(version.id, values);
  const [shown, setShown] = useState(suggestion ? steps.length - 1 : -1);
  const secrets = useQuery({ ...secretNamesQuery(version.project), enabled: steps.some((step) => secretOption(kinds.get(kindOf(step))) !== undefined) }).data;
  const previewed = preview.shown?.steps.map(({ schema }) => schema) ?? [];
  const isSame = chosen !== undefined && chosen.name === name && sameSteps(values, chosen.steps);
  const run = useRun(version, isSame ? chosen : undefined);
  const fields = run.error instanceof ApiError ? run.error.fields : NO_ERRORS;
  const send = (): void => {
    setTried(true);
    if (!problems.size) run.mutate({ name, steps: values });
  };
  return (
    <div className={classes.page}>
      <section className={classes.from}>
        <Select
          label={t("clean.from")}
          placeholder={t("clean.fromNothing")}
          data={recipes.map((recipe) => ({ value: recipe.id, label: t("clean.recipe", { name: recipe.name, number: recipe.number, count: recipe.steps.length, n: recipe.steps.length }) }))}
          value={chosen?.id ?? null}
          onChange={(recipe) => void navigate({ to: ".", search: (before) => ({ ...before, recipe: recipe ?? undefined }), replace: true })}
          clearable
          searchable
          limit={100}
        />
        <TextInput
          label={t("clean.name")}
          description={isSame ? t("clean.asIs", { number: chosen.number }) : t("clean.becomes", { number: nextNumber(recipes, name) })}
          inputWrapperOrder={["label", "input", "error", "description"]}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          maxLength={60}
          error={fields.name?.join(" ")}
        />
      </section>
      <div className={classes.beside}>
        <section>
          <Title order={2}>{t("clean.steps")}</Title>
          <RecipeEditor
            steps={steps}
            onChange={setSteps}
            forms={forms}
            kinds={kinds}
            columns={version.schema}
            errors={fields}
            problems={problems}
            advice={preview.shown?.advice ?? []}
            previewed={previewed}
            shown={shown}
            onShow={setShown}
            showProblems={tried}
            opens={suggestion ? (chosen?.steps.length ?? 0) : undefined}
            secrets={secrets}
          />
        </section>
        <PreviewPanel state={preview} kinds={kinds} selected={shown} onSelect={setShown} />
      </div>
      {run.error ? (
        <Alert color="red" variant="outline" title={t("clean.refused")}>
          <ErrorDetails error={run.error} />
        </Alert>
      ) : null}
      <Group gap="md">
        <Button size="sm" leftSection={<IconWand size={16} aria-hidden />} loading={run.isPending} disabled={!steps.length || !name} onClick={send}>
          {t("clean.run", { number: version.number })}
        </Button>
        {tried && problems.size ? (
          <Text size="sm" c="var(--failed)" role="alert">
            {t("clean.misplaced", { count: problems.size, n: problems.size })}
          </Text>
        ) : (
          <Text size="sm" className="soft">
            <NextVersion version={version} />
          </Text>
        )}
      </Group>
    </div>
  );
}

/** Which number a recipe would have. */
const nextNumber = (recipes: readonly Recipe[], name: string): number => recipes.reduce((most, recipe) => (recipe.name === name ? Math.max(most, recipe.number) : most), 0) + 1;

function NextVersion({ version }: { version: VersionDetail }) {
  const { t } = useTranslation("datasets");
  const { data } = useQuery(versionsQuery(version.dataset));
  if (!data) return null;
  return (
    <>
      {t("clean.makes", { name: version.dataset_name, number: (data[0]?.number ?? 0) + 1 })}{" "}
      <Link style={{ textDecoration: "underline" }} to="/datasets/$datasetId" params={{ datasetId: version.dataset }}>
        {version.dataset_name}
      </Link>
    </>
  );
}

/** Makes the recipe unless it is there as it is, applies it, and shows the job. */
function useRun(version: VersionDetail, same: Recipe | undefined) {
  const navigate = useNavigate();
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ name, steps }: { name: string; steps: Record<string, unknown>[] }) => {
      const recipe = same ?? (await createRecipe({ project: version.project, name, description: "", steps }));
      return createCleaningRun({ recipe: recipe.id, input_version: version.id, output_dataset: null });
    },
    onSuccess: (run) => {
      void client.invalidateQueries({ queryKey: keys.all });
      void navigate({ to: "/dataset-jobs/$kind/$jobId", params: { kind: "cleaning_run", jobId: run.id } });
    },
  });
}
