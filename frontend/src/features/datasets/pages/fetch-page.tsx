import { Alert, Button, Group, NumberInput, SegmentedControl, Select, Textarea, TextInput, Title } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "@/components/breadcrumbs";
import { ErrorDetails, NotAllowed } from "@/components/faces";
import { PageHeader } from "@/components/page-header";
import { useHasRole, useProject } from "@/lib/permissions";
import { createDataset, datasetQuery, useWrite } from "../api";
import { AllowedOrigins } from "../components/allowed-origins";
import { AppendChoice } from "../components/append-choice";
import { ReadingOptions, useReading } from "../components/reading-options";
import { firstTimes, TimesFields, type Times } from "../components/times";
import { UploadTarget, type Target } from "../components/upload-target";
import { baseIn, type Base } from "../logic/append";
import { fileOf, secondsOf } from "../logic/origins";
import { formatOf } from "../logic/preview";
import { nameFrom } from "../logic/upload";
import { createSchedule, fetchOnce, secretNamesQuery, type Origin } from "../schedules-api";
import classes from "./upload-page.module.css";

const route = getRouteApi("/datasets/fetch");
const NO_ERRORS: Readonly<Record<string, readonly string[]>> = {};

/** Data that is fetched from an address, once or by the clock. */
export function FetchPage() {
  const { t } = useTranslation("datasets");
  useCrumbs([{ title: t("title"), link: { to: "/datasets" } }, { title: t("fetch.title") }]);
  if (!useHasRole("editor")) return <NotAllowed />;
  return (
    <>
      <PageHeader title={t("fetch.title")} lead={t("fetch.lead")} />
      <Form />
    </>
  );
}

function useTarget(): [Target, (target: Target) => void, string | null] {
  const { dataset } = route.useSearch();
  const named = useProject();
  const { projects } = useMe();
  const first = projects.find(({ role }) => role !== "viewer");
  const [target, setTarget] = useState<Target>({ mode: dataset ? "existing" : "new", project: named?.id ?? first?.id ?? null, name: "", title: "", dataset: dataset ?? null });
  const chosen = useQuery({ ...datasetQuery(target.dataset ?? ""), enabled: target.mode === "existing" && target.dataset !== null });
  return [target, setTarget, target.mode === "existing" ? (chosen.data?.project ?? null) : target.project];
}

function Form() {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const [target, setTarget, project] = useTarget();
  const [origin, setOrigin] = useState<Origin>({ kind: "url", url: "" });
  const [times, setTimes] = useState<Times>(firstTimes);
  const [base, setBase] = useState<Base | null>(null);
  const reading = useReading();
  const { options } = reading;
  const url = origin.url ?? "";
  const isQuery = origin.kind === "sql";
  const isSilent = !isQuery && url !== "" && !options.format && !formatOf(fileOf(url));
  const asking = useWrite(async () => {
    const shared = target.mode === "existing" ? (target.dataset ?? "") : (await createDataset({ project: target.project ?? "", name: target.name, title: target.title, description: "" })).id;
    if (target.mode !== "existing") setTarget({ ...target, mode: "existing", dataset: shared });
    const asked = { dataset: shared, origin: spoken(origin), options: isQuery ? {} : options };
    if (times.mode === "once") {
      const made = await fetchOnce({ ...asked, append_to: baseIn(base, shared) });
      return navigate({ to: "/dataset-jobs/$kind/$jobId", params: { kind: "ingestion", jobId: made.id } });
    }
    const when = times.mode === "cron" ? { cron: times.cron, time_zone: times.timeZone, every_seconds: null } : { cron: "", time_zone: "UTC", every_seconds: secondsOf(times.number, times.unit) };
    const made = await createSchedule({ ...asked, ...when, mode: times.adds, failures_most: times.failures });
    return navigate({ to: "/ingestion-schedules/$scheduleId", params: { scheduleId: made.id } });
  });
  const fields = asking.error instanceof ApiError ? asking.error.fields : NO_ERRORS;
  const into = target.mode === "existing" ? target.dataset : null;
  const isComplete = (isQuery ? Boolean(origin.query && origin.credentials) : url !== "") && (target.mode === "existing" ? target.dataset !== null : target.project !== null && target.name !== "");
  const say = (change: Partial<Origin>): void => {
    const next = { ...origin, ...change };
    setOrigin(next);
    if (change.url !== undefined && target.mode === "new" && (target.name === "" || target.name === nameFrom(fileOf(url)))) setTarget({ ...target, name: nameFrom(fileOf(change.url)) });
  };
  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault();
        asking.mutate(undefined);
      }}
    >
      <section>
        <Title order={2}>{t("fetch.from")}</Title>
        <OriginFields origin={origin} onChange={say} project={project} errors={fields} disabled={asking.isPending} />
        {project ? <AllowedOrigins project={project} url={isQuery ? "" : url} /> : null}
      </section>
      <section>
        <Title order={2}>{t("upload.target")}</Title>
        <UploadTarget target={target} onChange={setTarget} several={false} errors={fields} disabled={asking.isPending} />
        {into && times.mode === "once" ? <AppendChoice dataset={into} value={baseIn(base, into)} onChange={(version) => setBase(version ? { dataset: into, version } : null)} error={fields.append_to?.join(" ")} disabled={asking.isPending} /> : null}
      </section>
      <section>
        <Title order={2}>{t("fetch.when")}</Title>
        <TimesFields times={times} onChange={setTimes} errors={fields} disabled={asking.isPending} />
      </section>
      {isQuery ? null : (
        <section>
          <Title order={2}>{t("upload.options")}</Title>
          <ReadingOptions reading={reading} opened={isSilent} errors={fields} disabled={asking.isPending} />
        </section>
      )}
      {asking.error ? (
        <Alert color="red" variant="outline" title={t("fetch.refused")}>
          <ErrorDetails error={asking.error} />
        </Alert>
      ) : null}
      <div>
        <Button type="submit" size="sm" leftSection={<IconDownload size={16} aria-hidden />} loading={asking.isPending} disabled={!isComplete || isSilent}>
          {t(times.mode === "once" ? "fetch.verb" : "fetch.schedule")}
        </Button>
        {isSilent ? <span className="soft" role="status"> {t("fetch.silent")}</span> : null}
      </div>
    </form>
  );
}

const FIELDS = { url: ["url", "credentials", "region", "endpoint"], sql: ["query", "credentials", "partition_column", "partitions"] } as const;

/** Without what is empty, and what is of the other kind. */
const spoken = (origin: Origin): Origin =>
  ({ kind: origin.kind, ...Object.fromEntries(FIELDS[origin.kind].flatMap((name) => (origin[name] ? [[name, origin[name]]] : []))) });

function QueryFields({ origin, onChange, errors, disabled }: Omit<OriginProps, "project">) {
  const { t } = useTranslation("datasets");
  return (
    <>
      <Textarea
        label={t("fetch.query")}
        description={t("fetch.queryHint")}
        inputWrapperOrder={["label", "input", "error", "description"]}
        placeholder="SELECT id, amount, status FROM loans"
        value={origin.query ?? ""}
        onChange={(event) => onChange({ query: event.currentTarget.value })}
        autosize
        minRows={4}
        maxRows={16}
        classNames={{ input: "mono" }}
        required
        disabled={disabled}
        error={errors["origin.query"]?.join(" ")}
      />
      <Group gap="sm" align="start">
        <TextInput label={t("fetch.partitionColumn")} description={t("fetch.partitionHint")} inputWrapperOrder={["label", "input", "error", "description"]} value={origin.partition_column ?? ""} onChange={(event) => onChange({ partition_column: event.currentTarget.value.trim() })} w={300} disabled={disabled} error={errors["origin.partition_column"]?.join(" ")} />
        <NumberInput label={t("fetch.partitions")} value={Number(origin.partitions ?? 4)} min={1} max={16} allowDecimal={false} onChange={(count) => onChange({ partitions: String(count || 1) })} w={140} disabled={disabled || !origin.partition_column} error={errors["origin.partitions"]?.join(" ")} />
      </Group>
    </>
  );
}

interface OriginProps {
  origin: Origin;
  onChange: (change: Partial<Origin>) => void;
  project: string | null;
  errors: Readonly<Record<string, readonly string[]>>;
  disabled: boolean;
}

function OriginFields({ origin, onChange, project, errors, disabled }: OriginProps) {
  const { t } = useTranslation("datasets");
  const names = useQuery({ ...secretNamesQuery(project ?? ""), enabled: project !== null }).data ?? [];
  const isQuery = origin.kind === "sql";
  const isBucket = !isQuery && /^s3:/i.test(origin.url ?? "");
  return (
    <>
      <SegmentedControl
        aria-label={t("fetch.from")}
        style={{ alignSelf: "flex-start" }}
        value={origin.kind}
        disabled={disabled}
        onChange={(kind) => onChange({ kind })}
        data={(["url", "sql"] as const).map((kind) => ({ value: kind, label: t(`fetch.kind.${kind}`) }))}
      />
      {isQuery ? (
        <QueryFields origin={origin} onChange={onChange} errors={errors} disabled={disabled} />
      ) : (
        <TextInput
          label={t("fetch.url")}
          description={t("fetch.urlHint")}
          inputWrapperOrder={["label", "input", "error", "description"]}
          placeholder="https://data.example.org/loans.csv"
          value={origin.url ?? ""}
          onChange={(event) => onChange({ url: event.currentTarget.value.trim() })}
          required
          disabled={disabled}
          error={errors["origin.url"]?.join(" ")}
        />
      )}
      <Select
        label={t("fetch.credentials")}
        description={t(isQuery ? "fetch.databaseHint" : "fetch.credentialsHint")}
        required={isQuery}
        inputWrapperOrder={["label", "input", "error", "description"]}
        placeholder={t("fetch.noCredentials")}
        data={names}
        value={origin.credentials ?? null}
        onChange={(name) => onChange({ credentials: name ?? "" })}
        clearable
        maw={420}
        disabled={disabled}
        error={errors["origin.credentials"]?.join(" ")}
      />
      {isBucket ? (
        <>
          <TextInput label={t("fetch.region")} placeholder="us-east-1" value={origin.region ?? ""} onChange={(event) => onChange({ region: event.currentTarget.value.trim() })} maw={420} disabled={disabled} />
          <TextInput label={t("fetch.endpoint")} placeholder="https://minio.example.org" value={origin.endpoint ?? ""} onChange={(event) => onChange({ endpoint: event.currentTarget.value.trim() })} maw={420} disabled={disabled} error={errors["origin.endpoint"]?.join(" ")} />
        </>
      ) : null}
    </>
  );
}
