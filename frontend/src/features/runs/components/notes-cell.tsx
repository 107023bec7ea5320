import { Popover } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconPencil } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { memo, useState } from "react";
import { useTranslation } from "react-i18next";
import { Faces, LoadingFace } from "@/components/faces";
import { useHasRole } from "@/lib/permissions";
import type { RunRow } from "../api-list";
import { notesQuery, useWriteNotes, type Written } from "../api-notes";
import { NotesForm } from "./notes-form";
import classes from "./notes-cell.module.css";

/** The first line of the notes; who may writes them where they stand. */
export const NotesCell = memo(function NotesCell({ run }: { run: RunRow }) {
  const mayEdit = useHasRole("editor", run.project);
  const first = run.notes.split("\n", 1)[0];
  if (mayEdit && !run.deleted_at) return <Editable id={run.id} name={run.name} notes={run.notes} first={first ?? ""} />;
  return run.notes ? <span title={run.notes}>{first}</span> : null;
});

function Editable({ id, name, notes, first }: { id: string; name: string; notes: string; first: string }) {
  const { t } = useTranslation("runs");
  const [opened, setOpened] = useState(false);
  const [draft, setDraft] = useState<string>();
  const write = useWriteNotes(id);
  const open = (): void => {
    setDraft(undefined);
    write.reset();
    setOpened(!opened);
  };
  const onWrite = (written: Written): void => {
    // It stands in the table at once; where it was not kept, the form comes back with it.
    setOpened(false);
    setDraft(written.notes);
    write.mutateAsync(written).catch(() => {
      notifications.show({ color: "red", message: t("notes.notKept", { name }) });
      setOpened(true);
    });
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-end" width="min(380px, calc(100vw - 24px))" trapFocus returnFocus withinPortal>
      <Popover.Target>
        <button type="button" className={classes.cell} title={notes || undefined} aria-label={t(notes ? "notes.editOf" : "notes.addOf", { name })} onClick={open}>
          <span className="cut">{first}</span>
          <IconPencil size={13} className={classes.pencil} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("notes.editOf", { name })}>
        {opened ? <Form id={id} draft={draft} error={write.error} isPending={write.isPending} onWrite={onWrite} onCancel={() => setOpened(false)} /> : null}
      </Popover.Dropdown>
    </Popover>
  );
}

interface FormProps {
  id: string;
  draft: string | undefined;
  error: unknown;
  isPending: boolean;
  onWrite: (written: Written) => void;
  onCancel: () => void;
}

/** A row has only the beginning of the notes: all of them are read first. */
function Form({ id, ...form }: FormProps) {
  const query = useQuery({ ...notesQuery(id), staleTime: 0, refetchOnMount: "always" });
  const shown = query.isFetchedAfterMount ? query : { ...query, data: undefined, isPending: true as const };
  return (
    <Faces query={shown} loading={<LoadingFace rows={4} />}>
      {({ notes }) => <NotesForm notes={notes} {...form} />}
    </Faces>
  );
}
