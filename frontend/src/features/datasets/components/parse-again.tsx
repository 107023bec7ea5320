import { Button } from "@mantine/core";
import { IconRefresh } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { ErrorDetails } from "@/components/faces";
import { initialForm, type JsonSchema } from "@/components/schema-form/schema";
import { SchemaForm } from "@/components/schema-form/schema-form";
import { createIngestion, ingestionOptionsQuery, useWrite, type Ingestion } from "../api";
import { AppendChoice } from "./append-choice";
import classes from "../pages/job-page.module.css";

const NO_ERRORS: Readonly<Record<string, readonly string[]>> = {};

/** The same file once more, with other options: it need not be sent again. */
export function ParseAgain({ ingestion }: { ingestion: Ingestion }) {
  const { t } = useTranslation("datasets");
  const navigate = useNavigate();
  const given = useQuery(ingestionOptionsQuery).data as JsonSchema | undefined;
  const { sheets } = ingestion.detected;
  const schema = useMemo(() => given && withSheets(given, sheets), [given, sheets]);
  const [open, setOpen] = useState(false);
  const [edited, setEdited] = useState<Record<string, unknown> | null>(null);
  const [base, setBase] = useState(ingestion.append_to);
  const write = useWrite(createIngestion);
  const source = ingestion.source;
  if (!schema || !source) return null; // what its job was to fetch did not come
  if (ingestion.state === "succeeded" && !open) {
    return (
      <section className={classes.part}>
        <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={() => setOpen(true)}>
          {t("again.otherwise")}
        </Button>
      </section>
    );
  }
  const fields = write.error instanceof ApiError ? write.error.fields : NO_ERRORS;
  const options = edited ?? { ...initialForm(schema), ...ingestion.options };
  const send = async (): Promise<void> => {
    const made = await write.mutateAsync({ dataset: ingestion.dataset, source, options, append_to: base });
    await navigate({ to: "/dataset-jobs/$kind/$jobId", params: { kind: "ingestion", jobId: made.id } });
  };
  return (
    <section className={classes.part} style={{ maxWidth: 860 }}>
      <h2>{t("again.title")}</h2>
      <p className="soft">{t("again.lead")}</p>
      <div style={{ marginBottom: 16 }}>
        <AppendChoice dataset={ingestion.dataset} value={base} onChange={setBase} error={fields.append_to?.join(" ")} />
      </div>
      <SchemaForm schema={schema} value={options} onChange={setEdited} path="options" errors={fields} />
      {write.error ? <ErrorDetails error={write.error} /> : null}
      <Button mt="md" leftSection={<IconRefresh size={14} aria-hidden />} loading={write.isPending} onClick={() => void send().catch(() => undefined)}>
        {t("again.verb")}
      </Button>
    </section>
  );
}

/** The sheets of the workbook, to choose from. */
function withSheets(schema: JsonSchema, sheets: readonly string[] | undefined): JsonSchema {
  const sheet = schema.properties?.sheet;
  if (!sheet || !sheets) return schema;
  return { ...schema, properties: { ...schema.properties, sheet: { ...sheet, examples: sheets } } };
}
