import { ActionIcon, Button, TextInput } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { Draft } from "../../submit";
import { DataPicker } from "./data-picker";
import classes from "./source.module.css";

interface Props {
  draft: Draft;
  projectId: string | undefined;
  onChange: (part: Partial<Draft>) => void;
  errorOf: (path: string) => string | undefined;
}

/** Further dataset versions, each with the name by which the job asks for it. */
export function MoreInputs({ draft, projectId, onChange, errorOf }: Props) {
  const { t } = useTranslation("runs");
  const set = (at: number, part: Partial<Draft["inputs"][number]>): void =>
    onChange({ inputs: draft.inputs.map((each, index) => (index === at ? { ...each, ...part } : each)) });
  return (
    <div className={classes.rows}>
      {draft.inputs.map((input, at) => (
        // oxlint-disable-next-line no-array-index-key
        <fieldset key={at} className={classes.row} style={{ border: 0, padding: 0, margin: 0 }} aria-label={t("submit.inputOf", { name: input.name || at + 2 })}>
          <TextInput
            required
            label={t("submit.inputName")}
            description={t("submit.inputHint", { name: input.name || "name" })}
            inputWrapperOrder={["label", "input", "description", "error"]}
            value={input.name}
            onChange={(event) => set(at, { name: event.currentTarget.value })}
            error={errorOf(`inputs.${at}`) ?? errorOf(`inputs.${input.name}`)}
            data-path={`inputs.${at}.name`}
          />
          <DataPicker projectId={projectId} version={input.dataset_version} onChange={(dataset_version) => set(at, { dataset_version })} needsSplit={false} />
          <ActionIcon
            variant="default"
            mt={24}
            size={30}
            aria-label={t("submit.removeInput", { name: input.name || at + 2 })}
            onClick={() => onChange({ inputs: draft.inputs.filter((_, index) => index !== at) })}
          >
            <IconTrash size={14} aria-hidden />
          </ActionIcon>
        </fieldset>
      ))}
      <div>
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => onChange({ inputs: [...draft.inputs, { name: "", dataset_version: undefined }] })}>
          {t("submit.addInput")}
        </Button>
      </div>
    </div>
  );
}
