import { Checkbox, NumberInput } from "@mantine/core";
import type { Resource } from "@/lib/amounts";
import { decimalsOf, UNITS } from "../logic/units";
import classes from "./limit-input.module.css";

interface Props {
  label: string;
  /** What having no limit means: `all that is idle`. */
  endless: string;
  resource: Resource;
  /** In the API's unit; null: no limit. */
  value: number | null;
  onChange: (value: number | null) => void;
  error?: string | undefined;
}

/** An amount that may be without a limit. */
export function LimitInput({ label, endless, resource, value, onChange, error }: Props) {
  const unit = UNITS[resource];
  return (
    <div className={classes.limit}>
      <NumberInput
        label={label}
        value={value === null ? "" : value / unit}
        placeholder="∞"
        onChange={(next) => {
          if (typeof next === "number") onChange(Math.round(next * unit));
        }}
        min={0}
        allowNegative={false}
        decimalScale={decimalsOf(resource)}
        disabled={value === null}
        error={error}
      />
      <Checkbox size="xs" label={endless} checked={value === null} onChange={(event) => onChange(event.currentTarget.checked ? null : 0)} />
    </div>
  );
}
