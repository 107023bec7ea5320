import { Alert, Button, Group, Text, Title } from "@mantine/core";
import { IconDownload, IconUpload } from "@tabler/icons-react";
import { getRouteApi, useBlocker, useNavigate } from "@tanstack/react-router";
import { useCallback, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useMe } from "@/api/me";
import { ApiError } from "@/api/problem";
import { useCrumbs } from "@/components/breadcrumbs";
import { ErrorDetails, NotAllowed } from "@/components/faces";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { useHasRole, useProject } from "@/lib/permissions";
import { createDataset } from "../api";
import { AppendChoice } from "../components/append-choice";
import { DropZone } from "../components/drop-zone";
import { FilePreview, usePreview } from "../components/file-preview";
import { ReadingOptions, useReading } from "../components/reading-options";
import { Unfinished } from "../components/unfinished";
import { UploadRow } from "../components/upload-row";
import { UploadTarget, type Target } from "../components/upload-target";
import { useUploads, type Upload } from "../components/use-uploads";
import { baseIn, type Base } from "../logic/append";
import { formatOf } from "../logic/preview";
import { nameFrom } from "../logic/upload";
import classes from "./upload-page.module.css";

const route = getRouteApi("/datasets/new");
const NO_ERRORS = {};

/** Files become versions of a dataset. */
export function UploadPage() {
  const { t } = useTranslation("datasets");
  useCrumbs([{ title: t("title"), link: { to: "/datasets" } }, { title: t("upload.title") }]);
  const mayUpload = useHasRole("editor");
  if (!mayUpload) return <NotAllowed />;
  return (
    <>
      <PageHeader title={t("upload.title")} lead={t("upload.lead")} actions={<FetchInstead />} />
      <Form />
    </>
  );
}

/** For data that has an address. */
function FetchInstead() {
  const { t } = useTranslation("datasets");
  const { dataset } = route.useSearch();
  return (
    <LinkButton to="/datasets/fetch" search={dataset ? { dataset } : {}} variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
      {t("fetch.verbLong")}
    </LinkButton>
  );
}

function useTarget(): [Target, (target: Target) => void] {
  const { dataset } = route.useSearch();
  const project = useProject();
  const { projects } = useMe();
  const first = projects.find(({ role }) => role !== "viewer");
  return useState<Target>({ mode: dataset ? "existing" : "new", project: project?.id ?? first?.id ?? null, name: "", title: "", dataset: dataset ?? null });
}

function Form() {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const { uploads, add, remove, cancel, pause, resume, start } = useUploads();
  const [target, setTarget] = useTarget();
  const [chosen, setChosen] = useState<number | null>(null);
  const [base, setBase] = useState<Base | null>(null);
  const [busy, setBusy] = useState(false);
  const list = useRef<HTMLElement>(null);
  const [error, setError] = useState<unknown>(null);
  const reading = useReading();
  const { options } = reading;
  const shown = uploads.find(({ key }) => key === chosen) ?? uploads[0];
  const preview = usePreview(shown?.file, options);
  const columns = useMemo(() => preview?.columns.map((name) => ({ name, type: "string" })), [preview]);
  const waiting = uploads.filter(({ state }) => state === "chosen" || state === "failed" || state === "cancelled");
  const silent = options.format ? undefined : waiting.find(({ file }) => !formatOf(file.name));
  const made = useRef<Made>(new WeakMap());
  useLeaveGuard(busy);

  const onFiles = useCallback(
    (files: File[]) => {
      const [first] = files;
      const named = first && target.name === "" ? { ...target, name: nameFrom(first.name) } : target;
      if (named !== target) setTarget(named);
      // What the server has of a file is of a dataset: it goes on there.
      void add(files).then((dataset) => (dataset ? setTarget({ ...named, mode: "existing", dataset }) : undefined));
    },
    [add, target, setTarget],
  );
  const send = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    list.current?.scrollIntoView({ block: "center" });
    try {
      const datasetOf = await datasetsFor(target, made.current);
      // The dataset is there now: what fails from here on is tried again in it.
      if (target.mode === "new") setTarget({ ...target, mode: "existing", dataset: await datasetOf() });
      const [only] = await start(waiting, { datasetOf, options, base });
      if (waiting.length === 1 && uploads.length === 1 && only) {
        void navigate({ to: "/dataset-jobs/$kind/$jobId", params: { kind: "ingestion", jobId: only }, ignoreBlocker: true });
      }
    } catch (refused) {
      setError(refused);
    } finally {
      setBusy(false);
    }
  };
  const fields = error instanceof ApiError ? error.fields : NO_ERRORS;
  const isComplete = target.mode === "existing" ? target.dataset !== null : target.project !== null && (target.mode === "each" || target.name !== "");
  const fileErrors = fieldsOf(uploads);
  const into = target.mode === "existing" ? target.dataset : null;
  return (
    <div className={classes.form}>
      <section ref={list}>
        <Title order={2}>{t("upload.files")}</Title>
        <DropZone onFiles={onFiles} disabled={busy} />
        {busy ? null : <Unfinished chosen={uploads} />}
        {uploads.length ? (
          <ul className={classes.list}>
            {uploads.map((upload) => (
              <UploadRow key={upload.key} upload={upload} isChosen={upload.key === shown?.key} onChoose={setChosen} onRemove={remove} onCancel={cancel} onPause={pause} onResume={resume} />
            ))}
          </ul>
        ) : null}
      </section>
      <section>
        <Title order={2}>{t("upload.target")}</Title>
        <UploadTarget target={target} onChange={setTarget} several={uploads.length > 1} errors={fields} disabled={busy} />
        {into ? <AppendChoice dataset={into} value={baseIn(base, into)} onChange={(version) => setBase(version ? { dataset: into, version } : null)} several={waiting.length > 1} error={fileErrors.append_to?.join(" ")} disabled={busy} /> : null}
      </section>
      <section>
        <Title order={2}>{t("upload.options")}</Title>
        {shown ? <FilePreview name={shown.file.name} preview={preview} /> : <Text className="soft" size="sm">{t("upload.optionsHint")}</Text>}
        <ReadingOptions reading={reading} opened={silent !== undefined} errors={fileErrors} columns={columns} disabled={busy} />
      </section>
      {error ? (
        <Alert color="red" variant="outline" title={t("upload.refused")}>
          <ErrorDetails error={error} />
        </Alert>
      ) : null}
      <Group>
        <Button size="sm" leftSection={<IconUpload size={16} aria-hidden />} loading={busy} disabled={!waiting.length || !isComplete || silent !== undefined} onClick={() => void send()}>
          {t("upload.send", { count: waiting.length, n: waiting.length })}
        </Button>
        {silent && !busy ? <Text size="sm" className="soft" role="status">{t("upload.silent", { name: silent.file.name })}</Text> : null}
        {!waiting.length && !busy ? <Text size="sm" className="soft">{t(uploads.length ? "upload.allSent" : "upload.noFile")}</Text> : null}
      </Group>
    </div>
  );
}

/** The datasets that were made for single files, with their project: a file that is sent again goes into the same. */
type Made = WeakMap<File, { project: string | null; dataset: string }>;

/** Gives the dataset of a file; makes the one that they share at once, or one for each. */
async function datasetsFor(target: Target, made: Made): Promise<(file?: File) => Promise<string>> {
  const make = async (name: string, title: string): Promise<string> =>
    (await createDataset({ project: target.project ?? "", name, title, description: "" })).id;
  const makeFor = async (file: File): Promise<string> => {
    const before = made.get(file);
    if (before?.project === target.project) return before.dataset;
    const dataset = await make(nameFrom(file.name), file.name);
    made.set(file, { project: target.project, dataset });
    return dataset;
  };
  if (target.mode === "each") return (file) => (file ? makeFor(file) : Promise.resolve(""));
  const shared = target.mode === "existing" ? (target.dataset ?? "") : await make(target.name, target.title);
  return () => Promise.resolve(shared);
}

/** What the server said of options, of the file that failed last. */
function fieldsOf(uploads: readonly Upload[]): Readonly<Record<string, readonly string[]>> {
  const failed = uploads.findLast(({ state }) => state === "failed");
  return failed?.error instanceof ApiError ? failed.error.fields : NO_ERRORS;
}

/** Asks before a page is left that still sends. */
function useLeaveGuard(busy: boolean): void {
  const { t } = useTranslation("datasets");
  useBlocker({ shouldBlockFn: () => !window.confirm(t("upload.leave")), disabled: !busy, enableBeforeUnload: busy });
}
