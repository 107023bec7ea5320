import { ActionIcon, Button, Group, Stack, TagsInput, Textarea } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { count } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { notesQuery, useTagRun, useWriteNotes, type Run } from "../../api";
import { Facts } from "./run-facts";
import classes from "./notes.module.css";

const CHARACTERS_MOST = 20_000;

/** What people wrote on a run, and where they write it. */
export function Notes({ run }: { run: Run }) {
  const { t } = useTranslation("runs");
  const mayEdit = useHasRole("editor", run.project);
  const [edits, setEdits] = useState(false);
  const query = useQuery(notesQuery(run.id));
  const verb = (
    <ActionIcon size="sm" aria-label={t("notes.edit")} title={t("notes.edit")} onClick={() => setEdits(true)}>
      <IconPencil size={14} aria-hidden />
    </ActionIcon>
  );
  return (
    <Facts title={t("notes.title")} aside={mayEdit && !edits && query.data?.notes ? verb : null}>
      <Faces query={query} loading={<LoadingFace rows={2} />}>
        {({ notes, html }) =>
          edits ? (
            <NotesForm id={run.id} notes={notes} onDone={() => setEdits(false)} />
          ) : notes ? (
            // Made by the server of Markdown; HTML inside it is text.
            <div className={classes.notes} dangerouslySetInnerHTML={{ __html: html }} />
          ) : mayEdit ? (
            <Button variant="subtle" size="compact-sm" onClick={() => setEdits(true)}>
              {t("notes.add")}
            </Button>
          ) : (
            <p className="soft">{t("notes.empty")}</p>
          )
        }
      </Faces>
      <Tags run={run} mayEdit={mayEdit} />
    </Facts>
  );
}

/** Words to find the run by: kept as they are added and taken away. */
function Tags({ run, mayEdit }: { run: Run; mayEdit: boolean }) {
  const { t } = useTranslation("runs");
  const tag = useTagRun(run.id);
  if (!mayEdit && !run.tags.length) return null;
  return (
    <>
      <TagsInput
        mt="sm"
        size="xs"
        label={t("page.tags")}
        placeholder={run.tags.length ? undefined : t("page.tagsHint")}
        value={tag.isPending ? tag.variables : run.tags}
        onChange={(tags) => tag.mutate(tags)}
        readOnly={!mayEdit}
        maxTags={20}
        maxLength={40}
      />
      {tag.error ? <ErrorDetails error={tag.error} /> : null}
    </>
  );
}

function NotesForm({ id, notes, onDone }: { id: string; notes: string; onDone: () => void }) {
  const { t } = useTranslation("runs");
  const [text, setText] = useState(notes);
  const write = useWriteNotes(id);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    write.mutate(text, { onSuccess: onDone });
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        <Textarea
          autosize
          minRows={4}
          maxRows={20}
          maxLength={CHARACTERS_MOST}
          aria-label={t("notes.field")}
          description={t("notes.hint", { n: count(text.length), most: count(CHARACTERS_MOST) })}
          inputWrapperOrder={["input", "description"]}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          data-autofocus
        />
        {write.error ? <ErrorDetails error={write.error} /> : null}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onDone}>
            {t("verb.cancel", { ns: "common" })}
          </Button>
          <Button type="submit" loading={write.isPending}>
            {t("verb.save", { ns: "common" })}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
