/** How the file of an address is called: the last part of its path; empty where it has none. */
export function fileOf(url: string): string {
  const path = url.trim().replace(/^[a-z0-9]+:\/\//i, "").split(/[?#]/)[0] ?? "";
  const parts = path.split("/");
  return parts.length > 1 ? decode(parts.at(-1) ?? "") : "";
}

/** What an origin is called in lists: its file, or how its query begins. */
export function originName(origin: { url?: string | undefined; query?: string | undefined } | null | undefined): string {
  if (origin?.query) return origin.query.trim().replace(/\s+/g, " ").slice(0, 60);
  return origin?.url ? fileOf(origin.url) || origin.url : "";
}

/** The line of a list of what is allowed that an address needs: its host, with a port that is not the usual one, or its bucket. */
export function patternOf(url: string): string {
  const found = /^(https?|s3|gs):\/\/([^/?#]+)/i.exec(url.trim());
  if (!found) return "";
  const [, scheme = "", host = ""] = found;
  if (scheme === "s3" || scheme === "gs") return `${scheme}://${host}`;
  return host.toLowerCase().replace(/:(80|443)$/, "");
}

/** Whether a line allows what an address needs. */
export function allows(line: string, needed: string): boolean {
  return line.startsWith("*.") ? needed.endsWith(line.slice(1)) && !needed.includes("://") : line === needed;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export type Unit = "minutes" | "hours" | "days";
const SECONDS: Readonly<Record<Unit, number>> = { minutes: 60, hours: 3600, days: 86_400 };
export const secondsOf = (number: number, unit: Unit): number => number * SECONDS[unit];

/** Every so many seconds in the largest unit that holds them whole. */
export function unitOf(seconds: number): { number: number; unit: Unit } {
  const unit = (["days", "hours"] as const).find((each) => seconds % SECONDS[each] === 0) ?? "minutes";
  return { number: seconds / SECONDS[unit], unit };
}
