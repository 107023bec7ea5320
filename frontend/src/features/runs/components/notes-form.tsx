import { Alert, Button, Group, Stack, Textarea } from "@mantine/core";
import { useState, type FormEvent, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "@/components/faces";
import { count } from "@/lib/format";
import { isOvertaken, type Written } from "../api-notes";
import classes from "./notes-form.module.css";

const CHARACTERS_MOST = 20_000;

interface Props {
  /** As they are kept now. */
  notes: string;
  error: unknown;
  isPending: boolean;
  /** What somebody wrote before, and could not be kept. */
  draft?: string | undefined;
  onWrite: (written: Written) => void;
  onCancel: () => void;
}

/** Where notes are written. Where somebody else was first, both texts are here and the reader decides. */
export function NotesForm({ notes, error, isPending, draft, onWrite, onCancel }: Props) {
  const { t } = useTranslation("runs");
  const [text, setText] = useState(draft ?? notes);
  // What the writer has seen: notes that change meanwhile are not taken for that, but those that a conflict shows are.
  const [seen] = useState(notes);
  const isConflict = isOvertaken(error);
  const write = (): void => onWrite({ notes: text, before: isConflict ? notes : seen });
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    write();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    write();
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Textarea
          autosize
          minRows={4}
          maxRows={16}
          maxLength={CHARACTERS_MOST}
          aria-label={t("notes.field")}
          description={t("notes.hint", { n: count(text.length), most: count(CHARACTERS_MOST) })}
          inputWrapperOrder={["input", "description"]}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
          data-autofocus
        />
        {isConflict ? (
          <Alert color="yellow" variant="outline" title={t(notes ? "notes.conflict" : "notes.conflictNone")}>
            {notes ? <pre className={classes.theirs} tabIndex={0}>{notes}</pre> : null}
          </Alert>
        ) : error ? (
          <ErrorDetails error={error} />
        ) : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            {isConflict ? t("notes.takeTheirs") : t("verb.cancel", { ns: "common" })}
          </Button>
          <Button type="submit" loading={isPending}>
            {isConflict ? t("notes.keepMine") : t("verb.save", { ns: "common" })}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
