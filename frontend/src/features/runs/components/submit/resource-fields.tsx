import { NumberInput, Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { duration } from "@/lib/format";
import { flavorsQuery } from "../../api-submit";
import { partOf, type Draft, type Resources } from "../../submit";
import classes from "./submit.module.css";

interface Props {
  schema: JsonSchema;
  draft: Draft;
  onChange: (part: Partial<Draft>) => void;
  errorOf: (path: string) => string | undefined;
  /** Fields that stand beside them. */
  children?: ReactNode;
}

/** How many of the API's units are one of the reader's: `x-unit` of the schema. */
const UNITS: Readonly<Record<string, { size: number; word: "cores" | "gib" | "minutes"; decimals: number }>> = {
  millicores: { size: 1000, word: "cores", decimals: 3 },
  bytes: { size: 1 << 30, word: "gib", decimals: 3 },
  seconds: { size: 60, word: "minutes", decimals: 2 },
};

/** What the run holds, and for how long; bounds and words are the schema's. */
export function ResourceFields({ schema, draft, onChange, errorOf, children }: Props) {
  const { t, i18n } = useTranslation("runs");
  const flavors = useQuery(flavorsQuery).data;
  const set = (part: Partial<Resources>): void => onChange({ resources: { ...draft.resources, ...part } });
  const flavorWords = wordsOf(partOf(schema, "resources.flavor"), i18n.language, "flavor");
  const kinds = [...new Map(flavors?.map(({ name, simulated }) => [name, simulated]))];
  return (
    <>
      <div className={classes.four}>
        <Measured schema={schema} path="resources.cpu_millis" value={draft.resources.cpu_millis} onChange={(cpu_millis) => set({ cpu_millis })} error={errorOf("resources.cpu_millis")} />
        <Measured schema={schema} path="resources.memory_bytes" value={draft.resources.memory_bytes} onChange={(memory_bytes) => set({ memory_bytes })} error={errorOf("resources.memory_bytes")} />
        <Measured schema={schema} path="resources.gpus" value={draft.resources.gpus} onChange={(gpus) => set(gpus ? { gpus } : { gpus, flavor: "" })} error={errorOf("resources.gpus")} />
        <Select
          label={flavorWords.title}
          description={flavorWords.description}
          inputWrapperOrder={[...UNDER]}
          data={[
            { value: "", label: t("submit.anyFlavor") },
            ...kinds.map(([name, simulated]) => ({ value: name, label: simulated ? `${name} (${t("simulated", { ns: "common" })})` : name })),
          ]}
          value={draft.resources.flavor ?? ""}
          onChange={(flavor) => set({ flavor: flavor ?? "" })}
          allowDeselect={false}
          disabled={!draft.resources.gpus}
          error={errorOf("resources.flavor")}
          data-path="resources.flavor"
        />
      </div>
      <div className={classes.four}>
        <Measured
          schema={schema}
          path="time_limit_seconds"
          value={draft.time_limit_seconds}
          onChange={(time_limit_seconds) => onChange({ time_limit_seconds })}
          error={errorOf("time_limit_seconds")}
          hint={duration(draft.time_limit_seconds)}
        />
        <Measured schema={schema} path="count_min" value={draft.count_min} onChange={(count_min) => onChange({ count_min, count_max: Math.max(count_min, draft.count_max) })} error={errorOf("count_min")} />
        <Measured schema={schema} path="count_max" value={draft.count_max} onChange={(count_max) => onChange({ count_max })} error={errorOf("count_max")} />
        {children}
      </div>
    </>
  );
}

const UNDER = ["label", "input", "description", "error"] as const;

interface MeasuredProps {
  schema: JsonSchema;
  path: string;
  /** In the API's unit. */
  value: number;
  onChange: (value: number) => void;
  error: string | undefined;
  hint?: string;
}

function Measured({ schema, path, value, onChange, error, hint }: MeasuredProps) {
  const { t, i18n } = useTranslation("runs");
  const part = partOf(schema, path) as JsonSchema & { "x-unit"?: string };
  const unit = UNITS[part["x-unit"] ?? ""];
  const size = unit?.size ?? 1;
  const words = wordsOf(part, i18n.language, path);
  return (
    <NumberInput
      label={unit ? `${words.title} (${t(`unit.${unit.word}`)})` : words.title}
      description={hint ?? (unit ? undefined : words.description)}
      inputWrapperOrder={[...UNDER]}
      value={value / size}
      onChange={(next) => {
        if (typeof next === "number") onChange(Math.round(next * size));
      }}
      min={part.minimum !== undefined && part.minimum / size >= 1 ? part.minimum / size : 0}
      {...(part.maximum === undefined ? {} : { max: part.maximum / size })}
      step={1}
      decimalScale={unit?.decimals ?? 0}
      allowNegative={false}
      thousandSeparator=","
      error={error}
      rightSectionWidth={24}
      data-path={path}
    />
  );
}
