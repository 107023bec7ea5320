import { Autocomplete, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useMemo, useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { TONES } from "@/lib/states";
import type { RunColumns } from "../api-list";
import { conditionText, isRefused, operatorsOf, parseCondition, problemOf, RUN_FIELDS, typeOf, type Operator } from "../where";

interface Props {
  /** The condition that is changed; none: a new one. */
  initial: string | undefined;
  known: RunColumns | undefined;
  onDone: (text: string) => void;
  onCancel: () => void;
}

const SUGGESTED: Readonly<Record<string, readonly string[]>> = { state: Object.keys(TONES.run), kind: ["script", "bundle", "image", "tracked", "tabular_classifier", "tabular_regressor", "text_classifier", "image_classifier"] };

/** Field, operator, value; or a whole condition, written where the field is. */
export function WhereEditor({ initial, known, onDone, onCancel }: Props) {
  const { t } = useTranslation("runs");
  const before = initial === undefined ? undefined : parseCondition(initial);
  const start = before && !isRefused(before) ? before : { field: initial ?? "", operator: ">" as Operator, value: "" };
  const [field, setField] = useState(start.field);
  const [operator, setOperator] = useState<Operator>(start.operator);
  const [value, setValue] = useState(start.value);
  const [tried, setTried] = useState(false);
  const fields = useFields(known);
  const whole = parseCondition(field);
  // Only a name so far: what it lacks stands in the other two.
  const isName = isRefused(whole) && whole.problem === "operator" && whole.at === field.length;
  const operators = operatorsOf(field);
  const used = operators.includes(operator) ? operator : (operators[0] ?? "=");
  const fieldProblem = isRefused(whole) && !isName ? whole.problem : undefined;
  const valueProblem = isName ? problemOf(field, used, value.trim()) : undefined;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setTried(true);
    if (!isRefused(whole)) onDone(conditionText(whole));
    else if (isName && !valueProblem) onDone(conditionText({ field, operator: used, value: value.trim() }));
  };
  return (
    <form onSubmit={submit} noValidate>
      <Stack gap="sm">
        <Group gap="xs" align="flex-start">
          <Autocomplete
            size="xs"
            w={210}
            label={t("where.whichField")}
            placeholder="metrics.val_auc"
            data={fields}
            limit={200}
            value={field}
            onChange={setField}
            error={tried && fieldProblem ? t(`where.${fieldProblem}`) : undefined}
            comboboxProps={{ withinPortal: false }}
            data-autofocus
          />
          <Select
            w={72}
            label={t("where.how")}
            data={[...operators]}
            value={isRefused(whole) ? used : whole.operator}
            disabled={!isRefused(whole)}
            onChange={(chosen) => setOperator((chosen ?? "="))}
            allowDeselect={false}
            comboboxProps={{ withinPortal: false }}
          />
          <Autocomplete
            size="xs"
            w={150}
            label={t("where.whichValue")}
            placeholder={typeOf(field) === "time" ? "2026-03-02" : typeOf(field) === "number" ? "0.8" : ""}
            data={[...(SUGGESTED[field] ?? [])]}
            value={isRefused(whole) ? value : whole.value}
            disabled={!isRefused(whole)}
            onChange={setValue}
            error={tried && valueProblem ? t(`where.${valueProblem}`) : undefined}
            comboboxProps={{ withinPortal: false }}
          />
        </Group>
        <Text size="xs" className="soft">
          {t("where.help")} <span className="mono">metrics.val_auc:max &gt; 0.8</span>
        </Text>
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            {t("verb.cancel", { ns: "common" })}
          </Button>
          <Button type="submit">{t("where.apply")}</Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Every field that can be asked for, metrics first. */
function useFields(known: RunColumns | undefined) {
  const { t } = useTranslation("runs");
  return useMemo(
    () =>
      [
        { group: t("list.groupMetrics"), items: known?.metrics.map(({ name }) => name) ?? [] },
        { group: t("list.groupParameters"), items: known?.parameters.map(({ name }) => name) ?? [] },
        { group: t("list.groupLabels"), items: known?.labels.map(({ name }) => name) ?? [] },
        { group: t("list.groupRun"), items: [...RUN_FIELDS.text, ...RUN_FIELDS.time, ...RUN_FIELDS.number] },
      ].filter(({ items }) => items.length),
    [known, t],
  );
}
