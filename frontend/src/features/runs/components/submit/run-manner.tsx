import { ActionIcon, Button, MultiSelect, NumberInput, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { partOf, type Draft } from "../../submit";
import classes from "./source.module.css";
import grid from "./submit.module.css";

interface Props {
  schema: JsonSchema;
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  errorOf: (path: string) => string | undefined;
}

interface MannerProps extends Props {
  /** A trainer's seed is one of its parameters. */
  hasSeed: boolean;
}

const UNDER = ["label", "input", "description", "error"] as const;
const SEED_MOST = 2 ** 31 - 1;

/** Seed, retries, and variables of the job. */
export function RunManner({ schema, draft, onChange, errorOf, hasSeed }: MannerProps) {
  const { t, i18n } = useTranslation(["runs", "states"]);
  const words = (path: string) => wordsOf(partOf(schema, path), i18n.language, path);
  const known = (partOf(schema, "retries.reasons").items as { enum?: string[] } | undefined)?.enum ?? [];
  const { reasons, max_attempts: most, backoff_seconds: pause } = draft.retries;
  const retry = (part: Partial<Draft["retries"]>): void => onChange({ retries: { ...draft.retries, ...part } });
  return (
    <>
      <div className={grid.pair}>
        {hasSeed ? (
          <NumberInput
            label={words("seed").title}
            description={words("seed").description.replaceAll("`", "")}
            inputWrapperOrder={[...UNDER]}
            min={0}
            max={SEED_MOST}
            allowDecimal={false}
            allowNegative={false}
            value={draft.seed ?? ""}
            onChange={(seed) => onChange({ seed: typeof seed === "number" ? seed : null })}
            error={errorOf("seed")}
            data-path="seed"
          />
        ) : null}
        <MultiSelect
          label={words("retries.reasons").title}
          description={words("retries.reasons").description}
          inputWrapperOrder={[...UNDER]}
          data={known.map((value) => ({ value, label: t(`reason.${value}` as "reason.lost", { ns: "states" }) }))}
          value={[...reasons]}
          onChange={(chosen) => retry({ reasons: chosen as typeof reasons })}
          placeholder={reasons.length ? "" : t("submit.noRetries")}
          error={errorOf("retries")}
          data-path="retries.reasons"
        />
      </div>
      {reasons.length ? (
        <div className={grid.pair}>
          <NumberInput
            label={words("retries.max_attempts").title}
            description={words("retries.max_attempts").description}
            inputWrapperOrder={[...UNDER]}
            min={1}
            max={partOf(schema, "retries.max_attempts").maximum ?? 20}
            allowDecimal={false}
            value={most}
            onChange={(value) => typeof value === "number" && retry({ max_attempts: value })}
            data-path="retries.max_attempts"
          />
          <NumberInput
            label={`${words("retries.backoff_seconds").title} (${t("unit.seconds")})`}
            description={words("retries.backoff_seconds").description}
            inputWrapperOrder={[...UNDER]}
            min={0}
            max={partOf(schema, "retries.backoff_seconds").maximum ?? 3600}
            allowDecimal={false}
            value={pause}
            onChange={(value) => typeof value === "number" && retry({ backoff_seconds: value })}
            data-path="retries.backoff_seconds"
          />
        </div>
      ) : null}
      <Variables {...{ schema, draft, onChange, errorOf }} />
    </>
  );
}

function Variables({ schema, draft, onChange, errorOf }: Props) {
  const { t, i18n } = useTranslation("runs");
  const words = wordsOf(partOf(schema, "environment"), i18n.language, "environment");
  const set = (at: number, part: Partial<Draft["variables"][number]>): void =>
    onChange({ variables: draft.variables.map((each, index) => (index === at ? { ...each, ...part } : each)) });
  return (
    <div className={classes.rows} role="group" aria-label={words.title}>
      <div>
        <strong>{words.title}</strong> <span className="soft">{words.description}</span>
      </div>
      {draft.variables.map(({ name, value }, at) => (
        // oxlint-disable-next-line no-array-index-key
        <div key={at} className={classes.row}>
          <TextInput
            aria-label={t("submit.variableName", { n: at + 1 })}
            placeholder="NAME"
            spellCheck={false}
            value={name}
            onChange={(event) => set(at, { name: event.currentTarget.value })}
            error={errorOf(`environment.${name}`)}
            data-path={`environment.${name}`}
          />
          <TextInput aria-label={t("submit.variableValue", { n: at + 1 })} value={value} onChange={(event) => set(at, { value: event.currentTarget.value })} />
          <ActionIcon variant="default" size={30} aria-label={t("submit.removeVariable", { name: name || at + 1 })} onClick={() => onChange({ variables: draft.variables.filter((_, index) => index !== at) })}>
            <IconTrash size={14} aria-hidden />
          </ActionIcon>
        </div>
      ))}
      <div>
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange({ variables: [...draft.variables, { name: "", value: "" }] })}>
          {t("submit.addVariable")}
        </Button>
      </div>
    </div>
  );
}
