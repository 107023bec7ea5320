import { Button, Code, Group } from "@mantine/core";
import { IconPlayerPlay, IconRestore } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { CopyButton } from "@/components/copy-button";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { problemsOf } from "@/components/schema-form/problems";
import { SchemaForm } from "@/components/schema-form/schema-form";
import { duration } from "@/lib/format";
import { signatureQuery, useTry, type Endpoint, type Signature, type Tried } from "../api";
import { callOf, firstRecord, schemaOf, sentRecord } from "../record";
import { Answer } from "./answer";
import classes from "./endpoints.module.css";

/** Where the record stands in the request, as errors name it. */
const PLACE = "records[0]";
const NO_ERRORS: Readonly<Record<string, readonly string[]>> = {};

/** One record, filled in by hand or a real one, and what the endpoint says of it. */
export function TryIt({ endpoint, version }: { endpoint: Endpoint; version: string }) {
  const query = useQuery(signatureQuery(endpoint.id, version));
  return (
    <Faces query={query} loading={<LoadingFace height={360} />}>
      {(signature) => <Form key={signature.model_version} endpoint={endpoint} signature={signature} />}
    </Faces>
  );
}

function Form({ endpoint, signature }: { endpoint: Endpoint; signature: Signature }) {
  const { t } = useTranslation("endpoints");
  const schema = useMemo(() => schemaOf(signature), [signature]);
  const first = useMemo(() => firstRecord(signature), [signature]);
  const [record, setRecord] = useState(first);
  const [tried, setTried] = useState(false);
  const [restored, setRestored] = useState(0);
  const send = useTry(endpoint.id);
  const body = useMemo(() => ({ records: [sentRecord(signature, record)] }), [signature, record]);
  const call = useMemo(() => callOf(endpoint.url, body), [endpoint.url, body]);
  const errors = send.error instanceof ApiError ? send.error.fields : NO_ERRORS;
  const atFields = Object.keys(errors).some((place) => signature.inputs.some(({ name }) => place === `${PLACE}.${name}`));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(problemsOf(schema, record, PLACE)).length) return;
    send.mutate(sentRecord(signature, record));
  };
  const restore = (): void => {
    setRecord(first);
    setRestored((before) => before + 1);
    send.reset();
  };
  const stopped = endpoint.health.status === "stopped";
  return (
    <div className={classes.page}>
      <form className={classes.form} onSubmit={submit} noValidate>
        <div className={classes.head}>
          <span className="soft">{t(signature.example ? "try.realRecord" : "try.usualRecord")}</span>
          <Button variant="subtle" size="compact-xs" leftSection={<IconRestore size={14} aria-hidden />} onClick={restore}>
            {t(signature.example ? "try.fillReal" : "try.fillUsual")}
          </Button>
        </div>
        <SchemaForm key={restored} schema={schema} value={record} onChange={setRecord} path={PLACE} errors={errors} showProblems={tried} />
        <Group>
          <Button type="submit" loading={send.isPending} disabled={stopped} leftSection={<IconPlayerPlay size={14} aria-hidden />}>
            {t("try.verb")}
          </Button>
          {stopped ? <span className="soft">{t("try.stopped")}</span> : null}
        </Group>
      </form>
      <div className={classes.side}>
        <section className={classes.card} aria-label={t("try.answer")} aria-live="polite">
          <h2>{t("try.answer")}</h2>
          {send.error ? (
            atFields ? (
              <p className={classes.trouble}>{t("try.seeFields")}</p>
            ) : (
              <ErrorDetails error={send.error} />
            )
          ) : send.data ? (
            <Shown tried={send.data} signature={signature} />
          ) : (
            <p className="soft">{t("try.none")}</p>
          )}
        </section>
        <section className={classes.card} aria-label={t("face.asApiCall", { ns: "common" })}>
          <div className={classes.head}>
            <h2>{t("face.asApiCall", { ns: "common" })}</h2>
            <CopyButton text={call} />
          </div>
          <Code block className={classes.call} tabIndex={0}>
            {call}
          </Code>
        </section>
      </div>
    </div>
  );
}

function Shown({ tried, signature }: { tried: Tried; signature: Signature }) {
  const { t } = useTranslation("endpoints");
  const [prediction] = tried.predictions;
  return (
    <>
      {prediction ? <Answer prediction={prediction} classes={signature.label?.classes ?? null} /> : null}
      <dl className={classes.pairs}>
        {tried.revision ? (
          <div>
            <dt>{t("try.answeredBy")}</dt>
            <dd>{t("revision.title", { number: tried.revision.number })}</dd>
          </div>
        ) : null}
        <div>
          <dt>{t("try.latency")}</dt>
          <dd>{tried.latency_ms < 1000 ? `${tried.latency_ms.toFixed(1)} ms` : duration(tried.latency_ms / 1000)}</dd>
        </div>
      </dl>
    </>
  );
}
