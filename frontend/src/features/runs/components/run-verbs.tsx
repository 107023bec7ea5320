import { useQueries } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { api, unwrap } from "@/api/client";
import type { components } from "@/api/schema.gen";
import { ConfirmDialog } from "@/components/confirm-dialog";
import { count } from "@/lib/format";
import { useStopRuns } from "../api-list";
import { holdings } from "../holdings";

/** As much of a run as its verbs need. */
export interface VerbRun {
  id: string;
  name: string;
  state: components["schemas"]["RunState"];
  workload: string | null;
}

const ACTIVE: ReadonlySet<string> = new Set(["queued", "running", "stopping"]);
export const canStop = ({ state }: Pick<VerbRun, "state">): boolean => ACTIVE.has(state) && state !== "stopping";

interface Props {
  runs: readonly VerbRun[];
  opened: boolean;
  onClose: () => void;
  onDone?: (() => void) | undefined;
}

const NAMED_MOST = 8;
const SUMMED_MOST = 20;

/** Asks before runs are stopped: which, and what it does. */
export function StopDialog({ runs, opened, onClose, onDone }: Props) {
  const { t } = useTranslation("runs");
  const stop = useStopRuns();
  const going = runs.filter(({ state }) => state === "running");
  const waiting = runs.length - going.length;
  const held = useHeld(going, opened);
  const [first] = runs;
  const one = runs.length === 1 && first !== undefined;
  return (
    <ConfirmDialog
      opened={opened}
      onClose={onClose}
      title={one ? t("stop.title", { name: first.name }) : t("stop.titleMany", { n: count(runs.length) })}
      verb={one ? t("stop.verb") : t("stop.verbMany", { n: count(runs.length) })}
      onConfirm={async () => {
        await stop.mutateAsync(runs.map(({ id }) => id));
        onDone?.();
      }}
    >
      {one ? null : <NameList runs={runs} />}
      {going.length ? (
        <p>{held ? t("stop.effectRunning", { count: going.length, n: count(going.length), held }) : t("stop.effectRunningPlain", { count: going.length, n: count(going.length) })}</p>
      ) : null}
      {waiting ? <p>{t("stop.effectWaiting", { count: waiting, n: count(waiting) })}</p> : null}
      <p>{t("stop.stays")}</p>
    </ConfirmDialog>
  );
}

export function NameList({ runs }: { runs: readonly VerbRun[] }) {
  const { t } = useTranslation("runs");
  return (
    <ul>
      {runs.slice(0, NAMED_MOST).map(({ id, name }) => (
        <li key={id}>{name}</li>
      ))}
      {runs.length > NAMED_MOST ? <li>{t("list.andMore", { n: count(runs.length - NAMED_MOST) })}</li> : null}
    </ul>
  );
}

/** What running ones hold together, in words; "" while it is not known. */
function useHeld(going: readonly VerbRun[], wanted: boolean): string {
  const { t } = useTranslation("runs");
  const ids = going.map(({ workload }) => workload).filter((id) => id !== null);
  const found = useQueries({
    queries: ids.slice(0, SUMMED_MOST).map((id) => ({
      queryKey: ["workloads", id],
      queryFn: () => unwrap(api.GET("/api/v1/workloads/{id}", { params: { path: { id } } })),
      enabled: wanted,
    })),
  }).map(({ data }) => data);
  const known = found.filter((each) => each !== undefined);
  return ids.length > 0 && known.length === ids.length ? holdings(known, t("cpu")) : "";
}
