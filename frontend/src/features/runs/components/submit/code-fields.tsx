import { Textarea, TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { needsShell, wordsOf } from "../../command";
import type { Draft } from "../../submit";
import classes from "./source.module.css";
import { SourceInput } from "./source-input";

interface Props {
  draft: Draft;
  takes: readonly string[];
  projectId: string | undefined;
  onChange: (part: Partial<Draft>) => void;
  errorOf: (path: string) => string | undefined;
}

const UNDER = ["label", "input", "description", "error"] as const;

/** What a run of one's own code executes: a bundle or an image, a command, packages. */
export function CodeFields({ draft, takes, projectId, onChange, errorOf }: Props) {
  const { t } = useTranslation("runs");
  const { words, isOpen } = wordsOf(draft.command);
  const shell = needsShell(words);
  return (
    <>
      {takes.includes("bundle") ? (
        <SourceInput projectId={projectId} bundle={draft.bundle} onChange={(bundle) => onChange({ bundle })} error={errorOf("bundle")} />
      ) : null}
      {takes.includes("image") ? (
        <TextInput
          required
          label={t("submit.image")}
          description={t("submit.imageHint")}
          inputWrapperOrder={[...UNDER]}
          placeholder="ghcr.io/acme/train@sha256:…"
          spellCheck={false}
          value={draft.image}
          onChange={(event) => onChange({ image: event.currentTarget.value })}
          error={errorOf("image")}
          data-path="image"
        />
      ) : null}
      {takes.includes("command") ? (
        <TextInput
          required
          className={classes.command}
          label={t("submit.command")}
          description={shell ? t("submit.commandShell") : t("submit.commandHint")}
          inputWrapperOrder={[...UNDER]}
          placeholder="python train.py --epochs 10"
          spellCheck={false}
          value={draft.command}
          onChange={(event) => onChange({ command: event.currentTarget.value })}
          error={isOpen ? t("submit.commandOpen") : errorOf("command")}
          data-path="command"
        />
      ) : null}
      {takes.includes("requirements") ? (
        <Textarea
          className={classes.lock}
          label={t("submit.requirements")}
          description={t("submit.requirementsHint")}
          inputWrapperOrder={[...UNDER]}
          autosize
          minRows={3}
          maxRows={12}
          placeholder={"numpy==2.2.6\nscikit-learn==1.7.2"}
          spellCheck={false}
          value={draft.requirements}
          onChange={(event) => onChange({ requirements: event.currentTarget.value })}
          error={errorOf("requirements")}
          data-path="requirements"
        />
      ) : null}
    </>
  );
}
