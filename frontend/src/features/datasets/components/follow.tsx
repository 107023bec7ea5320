import type { QueryKey } from "@tanstack/react-query";
import { isOver } from "@/lib/states";
import { useLiveRefresh } from "@/live/use-live";

/** A socket follows 200 subjects at most. */
const MOST = 50;

interface Followed {
  kind: string;
  id: string;
  state: string;
}

/** Reads queries again when something happens to one of these, as long as they are under way. */
export function Follow({ subjects, refresh }: { subjects: readonly Followed[]; refresh: readonly QueryKey[] }) {
  return subjects
    .filter(({ state }) => !isOver(state))
    .slice(0, MOST)
    .map(({ kind, id }) => <One key={id} subject={`${kind}.${id}`} refresh={refresh} />);
}

function One({ subject, refresh }: { subject: string; refresh: readonly QueryKey[] }) {
  useLiveRefresh(subject, refresh);
  return null;
}
