import { ago, moment, NONE } from "@/lib/format";
import { useNow } from "@/lib/use-now";

/** A relative time that goes on; the absolute one on hover. */
export function Ago({ at }: { at: string | null | undefined }) {
  const coarse = useNow(30);
  const fine = useNow(at && coarse - Date.parse(at) < 120_000 ? 1 : 30);
  if (!at) return <span className="soft">{NONE}</span>;
  return (
    <time dateTime={at} title={moment(at)} style={{ whiteSpace: "nowrap" }}>
      {ago(at, isJustNow(at, fine) ? Date.parse(at) : fine)}
    </time>
  );
}

/** Of the server's clock being a little ahead of the reader's, or of this page's second: not the future. */
const isJustNow = (at: string, now: number): boolean => Date.parse(at) > now && Date.parse(at) - now < 10_000;
