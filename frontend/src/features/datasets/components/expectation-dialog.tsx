import { Button, Group, SegmentedControl, Select, Stack, Text, Textarea } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { ApiError } from "@/api/problem";
import { Dialog } from "@/components/dialog";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { SchemaForm } from "@/components/schema-form/schema-form";
import { initialForm, wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { useWrite, type Column, type Dataset } from "../api";
import { typed } from "../logic/expectation";
import { changeExpectation, createExpectations, expectationKindsQuery, siblingsQuery, type Expectation, type ExpectationForm, type ExpectationKind, type Severity } from "../quality";

interface Props {
  dataset: Dataset;
  columns: readonly Column[];
  /** The one that is changed; without it a new one is made. */
  expectation?: Expectation | undefined;
  onClose: () => void;
}

const SEVERITIES: readonly Severity[] = ["block", "warn"];

/** One expectation: its kind, a form that its kind asks for, what its failure means, and why. */
export function ExpectationDialog(props: Props) {
  const { t } = useTranslation("quality");
  const title = props.expectation ? t("form.edit", { label: props.expectation.label }) : t("form.new");
  return (
    <Dialog onClose={props.onClose} title={title} size="lg">
      <Faces query={useQuery(expectationKindsQuery)} loading={<LoadingFace height={280} />}>
        {(kinds) => <Form {...props} kinds={kinds} />}
      </Faces>
    </Dialog>
  );
}

function Form({ dataset, columns, expectation, onClose, kinds }: Props & { kinds: readonly ExpectationForm[] }) {
  const { t, i18n } = useTranslation("quality");
  const { t: tCommon } = useTranslation();
  const [kind, setKind] = useState<ExpectationKind>(expectation?.kind ?? "not_null");
  const [value, setValue] = useState<Record<string, unknown>>(() => ({ ...(expectation?.parameters ?? initialForm(schemaOf(kinds, "not_null"))) }));
  const [severity, setSeverity] = useState<Severity>(expectation?.severity ?? "block");
  const [description, setDescription] = useState(expectation?.description ?? "");
  const [tried, setTried] = useState(false);
  const form = kinds.find((one) => one.kind === kind);
  const siblings = useQuery(siblingsQuery(dataset.project)).data;
  const offers = useMemo(() => ({ dataset: (siblings ?? []).map(({ id, name }) => ({ value: id, label: name })) }), [siblings]);
  const write = useWrite(async () => {
    const parameters = typed(kind, value, columns) as Expectation["parameters"];
    if (expectation) return changeExpectation({ id: expectation.id, parameters, severity, description });
    return createExpectations({ dataset: dataset.id, expectations: [{ kind, parameters, severity, description }] });
  });
  const fields = write.error instanceof ApiError ? write.error.fields : undefined;
  const send = (): void => {
    setTried(true);
    write.mutate(undefined, { onSuccess: onClose });
  };
  const choose = (next: string | null): void => {
    const chosen = kinds.find((one) => one.kind === next);
    if (!chosen) return;
    setKind(chosen.kind);
    const begun = initialForm(chosen.schema);
    // The column that was chosen is kept where there is one.
    setValue("column" in value && chosen.schema.properties.column ? { ...begun, column: value.column } : begun);
    setTried(false);
    write.reset();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <Stack gap="md">
        <Select
          label={t("form.kind")}
          data={kinds.map((one) => ({ value: one.kind, label: wordsOf(one, i18n.language, one.kind).title }))}
          value={kind}
          onChange={choose}
          allowDeselect={false}
          disabled={Boolean(expectation)}
          description={form ? wordsOf(form, i18n.language).description : undefined}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data-autofocus
        />
        {form ? (
          <SchemaForm
            key={kind}
            schema={form.schema}
            value={value}
            onChange={setValue}
            path="parameters"
            errors={fields}
            columns={columns}
            gives="bool"
            offers={offers}
            showProblems={tried}
          />
        ) : null}
        <div>
          <Text size="sm" fw={500} mb={4} id="severity-label">
            {t("form.severity")}
          </Text>
          <SegmentedControl aria-labelledby="severity-label" value={severity} onChange={setSeverity} data={SEVERITIES.map((one) => ({ value: one, label: t(`severityLong.${one}`) }))} />
        </div>
        <Textarea label={t("form.description")} description={t("form.descriptionHint")} autosize minRows={1} maxLength={500} value={description} onChange={(event) => setDescription(event.currentTarget.value)} />
        {expectation ? <Text size="sm" className="soft">{t("form.after")}</Text> : null}
        {write.error ? <ErrorDetails error={write.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onClose}>
            {tCommon("verb.cancel")}
          </Button>
          <Button type="submit" loading={write.isPending}>
            {expectation ? t("form.save") : t("form.create")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

const schemaOf = (kinds: readonly ExpectationForm[], kind: ExpectationKind): JsonSchema => kinds.find((one) => one.kind === kind)?.schema ?? {};
