import { Autocomplete, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { Dialog } from "@/components/dialog";
import { ErrorDetails } from "@/components/faces";
import { useProject } from "@/lib/permissions";
import { chosenRunQuery, modelChoiceQuery, runChoiceQuery, useRegister } from "../api";

interface Props {
  onClose: () => void;
  /** Into this model; without it, into one that is named here. */
  model?: { id: string; name: string; project: string } | undefined;
  /** From this run; without it, from one that is chosen here. */
  run?: ChosenRun | undefined;
}

interface ChosenRun {
  id: string;
  name: string;
  project: string;
  experiment_name?: string;
}

/** The same for a run that an address names. */
export function RegisterRunDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { data, isPending } = useQuery(chosenRunQuery(id));
  return isPending ? null : <RegisterDialog run={data} onClose={onClose} />;
}

/** A version of a model from what a run left: choose the run, and the model if it is not given. */
export function RegisterDialog({ onClose, model, run: given }: Props) {
  const { t } = useTranslation("models");
  const me = useMe();
  const here = useProject();
  const projects = me.projects.filter(({ role }) => me.is_superuser || role !== "viewer");
  const [chosen, setChosen] = useState<string | null>(model?.project ?? given?.project ?? here?.id ?? projects[0]?.id ?? null);
  const [run, setRun] = useState<string | null>(given?.id ?? null);
  const [name, setName] = useState(model?.name ?? "");
  const [tried, setTried] = useState(false);
  const key = useRef(crypto.randomUUID());
  const models = useQuery({ ...modelChoiceQuery(chosen ?? ""), enabled: chosen !== null && !model }).data ?? [];
  const register = useRegister();
  const navigate = useNavigate();
  const known = model ?? models.find((each) => each.name === name.trim());
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!chosen || !run || !name.trim()) return;
    register.mutate(
      { project: chosen, run, key: key.current, ...(known ? { model: known.id } : { name: name.trim() }) },
      { onSuccess: (made) => void navigate({ to: "/model-versions/$versionId", params: { versionId: made.id } }) },
    );
  };
  const renew = (): void => void (key.current = crypto.randomUUID());
  return (
    <Dialog onClose={onClose} title={model ? t("register.titleOf", { name: model.name }) : t("register.title")}>
      <form onSubmit={send} noValidate>
        <Stack gap="md">
          <Text size="sm" className="soft">
            {t("register.lead")}
          </Text>
          {model || projects.length < 2 ? null : (
            <Select
              label={t("top.project", { ns: "common" })}
              data={projects.map(({ id, name: title }) => ({ value: id, label: title }))}
              value={chosen}
              allowDeselect={false}
              searchable
              onChange={(next) => {
                setChosen(next);
                setRun(null);
                renew();
              }}
            />
          )}
          <RunSelect project={chosen} given={given} value={run} onChange={(next) => (setRun(next), renew())} error={tried && !run ? t("register.runMissing") : undefined} />
          {model ? null : (
            <Autocomplete
              size="xs"
              required
              data-autofocus={given ? true : undefined}
              label={t("register.model")}
              description={known || !name.trim() ? t("register.modelHint") : t("register.modelNew", { name: name.trim() })}
              data={models.map((each) => each.name)}
              value={name}
              onChange={(next) => (setName(next), renew())}
              error={tried && !name.trim() ? t("register.modelMissing") : undefined}
            />
          )}
          {register.error ? <ErrorDetails error={register.error} /> : null}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose}>
              {t("verb.cancel", { ns: "common" })}
            </Button>
            <Button type="submit" loading={register.isPending}>
              {t("register.verb")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

interface RunProps {
  project: string | null;
  given: ChosenRun | undefined;
  value: string | null;
  onChange: (run: string | null) => void;
  error: string | undefined;
}

function RunSelect({ project, given, value, onChange, error }: RunProps) {
  const { t } = useTranslation("models");
  const [search, setSearch] = useState("");
  const [wanted] = useDebouncedValue(search, 250);
  const [label, setLabel] = useState("");
  const runs = useQuery({ ...runChoiceQuery(project ?? "", wanted === label ? "" : wanted), enabled: project !== null }).data ?? [];
  const all = given?.project === project && given.id === value && !runs.some(({ id }) => id === given.id) ? [given, ...runs] : runs;
  const data = all.map((run) => ({ value: run.id, label: run.experiment_name ? `${run.experiment_name} / ${run.name}` : run.name, name: run.name }));
  return (
    <Select
      required
      searchable
      label={t("register.run")}
      placeholder={t("register.runHint")}
      nothingFoundMessage={t("register.noRun")}
      data={data}
      filter={({ options }) => options}
      value={value}
      onChange={(next, option) => {
        setLabel(option?.label ?? "");
        onChange(next);
      }}
      searchValue={search}
      onSearchChange={setSearch}
      error={error}
      data-autofocus={given ? undefined : true}
    />
  );
}
