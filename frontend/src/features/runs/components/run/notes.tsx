import { ActionIcon, Button, TagsInput } from "@mantine/core";
import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails, Faces, LoadingFace } from "@/components/faces";
import { useHasRole } from "@/lib/permissions";
import { useTagRun, type Run } from "../../api";
import { notesQuery, useWriteNotes } from "../../api-notes";
import { NotesForm } from "../notes-form";
import { Facts } from "./run-facts";
import classes from "./notes.module.css";

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
            <Edited id={run.id} notes={notes} onDone={() => setEdits(false)} />
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

/** The form of these notes, until they are kept. */
function Edited({ id, notes, onDone }: { id: string; notes: string; onDone: () => void }) {
  const write = useWriteNotes(id);
  return <NotesForm notes={notes} error={write.error} isPending={write.isPending} onWrite={(written) => write.mutate(written, { onSuccess: onDone })} onCancel={onDone} />;
}
