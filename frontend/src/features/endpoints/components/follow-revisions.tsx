import { isOver } from "@/lib/states";
import type { Revision } from "../api";
import { keys } from "../api";
import { useNews } from "../follow";

/** A socket follows 200 subjects at most. */
const MOST = 50;
const REFRESH = [keys.all];

/** Reads endpoints again when something happens to a revision that is not over. Draws nothing. */
export function FollowRevisions({ revisions }: { revisions: readonly Revision[] }) {
  return revisions
    .filter(({ state }) => !isOver(state))
    .slice(0, MOST)
    .map(({ id }) => <One key={id} id={id} />);
}

function One({ id }: { id: string }) {
  useNews(`revision.${id}`, REFRESH);
  return null;
}
