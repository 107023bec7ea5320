import type { QueryKey } from "@tanstack/react-query";
import { useLiveRefresh } from "./use-live";

interface Props {
  subjects: readonly string[];
  keys: readonly QueryKey[];
  waitMs: number;
}

/** Reads queries again when something happens to any of the subjects. Draws nothing. */
export function LiveRefresh({ subjects, keys, waitMs }: Props) {
  return subjects.map((subject) => <Refresh key={subject} subject={subject} keys={keys} waitMs={waitMs} />);
}

function Refresh({ subject, keys, waitMs }: { subject: string } & Pick<Props, "keys" | "waitMs">) {
  useLiveRefresh(subject, keys, waitMs);
  return null;
}
