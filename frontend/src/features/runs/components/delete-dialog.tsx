import { useTranslation } from "react-i18next";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { count } from "@/lib/format";
import { isOver } from "@/lib/states";
import { useDeleteRuns } from "../api-list";
import { NameList, type VerbRun } from "./run-verbs";

interface Props {
  runs: readonly (VerbRun & { kind: string })[];
  opened: boolean;
  onClose: () => void;
  onDone?: (() => void) | undefined;
}

/** Asks before runs are put out of sight: which, and that nothing is lost. Those whose job goes on stay. */
export function DeleteDialog({ runs, opened, onClose, onDone }: Props) {
  const { t } = useTranslation("runs");
  const remove = useDeleteRuns();
  const ready = runs.filter(({ state, workload }) => workload === null || isOver(state));
  const going = runs.length - ready.length;
  const [first] = ready;
  const one = ready.length === 1 && first !== undefined;
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={one ? t("delete.title", { name: first.name }) : t("delete.titleMany", { n: count(ready.length) })}
      verb={one ? t("delete.verb") : t("delete.verbMany", { n: count(ready.length) })}
      onConfirm={async () => {
        await remove.mutateAsync(ready.map(({ id }) => id));
        onDone?.();
      }}
    >
      {one ? null : <NameList runs={ready} />}
      <p>{t("delete.effect")}</p>
      {going ? <p>{t("delete.going", { count: going, n: count(going) })}</p> : null}
    </ConfirmDialog>
  );
}
