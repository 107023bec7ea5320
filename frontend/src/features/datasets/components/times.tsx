import { Group, NumberInput, SegmentedControl, Select, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Unit } from "../logic/origins";

/** When something is fetched: once, or again and again. */
export interface Times {
  mode: "once" | "every" | "cron";
  number: number;
  unit: Unit;
  cron: string;
  timeZone: string;
  adds: "replace" | "append";
  failures: number;
}

const ownZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
export const firstTimes = (): Times => ({ mode: "once", number: 1, unit: "days", cron: "30 5 * * *", timeZone: ownZone(), adds: "replace", failures: 3 });
const ZONES: readonly string[] = typeof Intl.supportedValuesOf === "function" ? ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")] : ["UTC"];

interface Props {
  times: Times;
  onChange: (times: Times) => void;
  errors: Readonly<Record<string, readonly string[]>>;
  disabled: boolean;
}

export function TimesFields({ times, onChange, errors, disabled }: Props) {
  const { t } = useTranslation("datasets");
  const set = (change: Partial<Times>): void => onChange({ ...times, ...change });
  return (
    <>
      <SegmentedControl
        aria-label={t("fetch.when")}
        style={{ alignSelf: "flex-start" }}
        value={times.mode}
        disabled={disabled}
        onChange={(mode) => set({ mode })}
        data={[
          { value: "once", label: t("fetch.once") },
          { value: "every", label: t("fetch.every") },
          { value: "cron", label: t("fetch.cron") },
        ]}
      />
      {times.mode === "every" ? (
        <Group gap="sm" align="start">
          <NumberInput label={t("fetch.number")} value={times.number} min={1} max={366} allowDecimal={false} onChange={(number) => set({ number: Number(number) || 1 })} w={120} disabled={disabled} error={errors.every_seconds?.join(" ")} />
          <Select
            label={t("fetch.unit")}
            data={(["minutes", "hours", "days"] as const).map((unit) => ({ value: unit, label: t(`fetch.units.${unit}`) }))}
            value={times.unit}
            onChange={(unit) => set({ unit: unit ?? "days" })}
            allowDeselect={false}
            w={140}
            disabled={disabled}
          />
        </Group>
      ) : null}
      {times.mode === "cron" ? (
        <Group gap="sm" align="start">
          <TextInput label={t("fetch.cronField")} description={t("fetch.cronHint")} inputWrapperOrder={["label", "input", "error", "description"]} classNames={{ input: "mono" }} value={times.cron} onChange={(event) => set({ cron: event.currentTarget.value })} w={240} disabled={disabled} error={errors.cron?.join(" ")} />
          <Select label={t("fetch.timeZone")} data={ZONES} value={times.timeZone} onChange={(zone) => set({ timeZone: zone ?? "UTC" })} searchable limit={100} allowDeselect={false} w={240} disabled={disabled} error={errors.time_zone?.join(" ")} />
        </Group>
      ) : null}
      {times.mode !== "once" ? (
        <Group gap="sm" align="start">
          <Select
            label={t("fetch.adds")}
            data={(["replace", "append"] as const).map((mode) => ({ value: mode, label: t(`fetch.mode.${mode}`) }))}
            value={times.adds}
            onChange={(adds) => set({ adds: adds ?? "replace" })}
            allowDeselect={false}
            w={360}
            disabled={disabled}
          />
          <NumberInput label={t("fetch.failures")} value={times.failures} min={1} max={100} allowDecimal={false} onChange={(failures) => set({ failures: Number(failures) || 1 })} w={220} disabled={disabled} />
        </Group>
      ) : null}
    </>
  );
}
