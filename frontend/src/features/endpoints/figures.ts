import type { components } from "@/api/schema.gen";

type Schemas = components["schemas"];
export type Figures = Schemas["EndpointFigures"];
type View = Schemas["FiguresView"];
type Series = Schemas["FiguresSeries"];

/** How far back is looked, in steps of how many seconds: some hundreds of points each. */
export const WINDOWS = {
  "5m": { seconds: 300, step: 2 },
  "1h": { seconds: 3_600, step: 15 },
  "24h": { seconds: 86_400, step: 300 },
  "30d": { seconds: 2_592_000, step: 3_600 },
} as const;
export type WindowName = keyof typeof WINDOWS;
export const windowNames = Object.keys(WINDOWS) as WindowName[];

/**
 * The figures with what came after them, at most `seconds` of it.
 *
 * `later` begins where `before` ends. A revision that one of them lacks had no request then.
 */
export function goOn(before: Figures, later: Figures, seconds: number): Figures {
  if (later.step_seconds !== before.step_seconds || Date.parse(later.since) !== Date.parse(before.until)) return later;
  const all = [...before.times, ...later.times];
  const most = Math.ceil(seconds / before.step_seconds);
  const cut = Math.max(0, all.length - most);
  const [first, second] = [before.times.length, later.times.length];
  return {
    ...later,
    since: cut && all[cut] !== undefined ? new Date(all[cut] * 1000).toISOString() : before.since,
    times: all.slice(cut),
    gateway: joinViews(before.gateway, later.gateway, first, second, cut),
    replicas: joinViews(before.replicas, later.replicas, first, second, cut),
  };
}

function joinViews(before: View, later: View, first: number, second: number, cut: number): View {
  const ids = [...new Set([...before.revisions, ...later.revisions].map(({ revision }) => revision))];
  const joined = ids.map((id) => {
    const one = before.revisions.find(({ revision }) => revision === id);
    const two = later.revisions.find(({ revision }) => revision === id);
    const number = (two ?? one)?.number ?? null;
    return { revision: id, number, ...joinSeries(one ?? silence(first), two ?? silence(second), cut) };
  });
  return { total: joinSeries(before.total, later.total, cut), revisions: joined };
}

function joinSeries(one: Series, two: Series, cut: number): Series {
  const join = <T>(a: readonly T[], b: readonly T[]): T[] => [...a, ...b].slice(cut);
  return {
    requests_per_second: join(one.requests_per_second, two.requests_per_second),
    errors_per_second: {
      caller: join(one.errors_per_second.caller, two.errors_per_second.caller),
      server: join(one.errors_per_second.server, two.errors_per_second.server),
    },
    p50_ms: join(one.p50_ms, two.p50_ms),
    p95_ms: join(one.p95_ms, two.p95_ms),
    p99_ms: join(one.p99_ms, two.p99_ms),
  };
}

/** So many steps without a request. */
function silence(length: number): Series {
  const zeros = (): number[] => Array.from({ length }, () => 0);
  const nothing = (): null[] => Array.from({ length }, () => null);
  return { requests_per_second: zeros(), errors_per_second: { caller: zeros(), server: zeros() }, p50_ms: nothing(), p95_ms: nothing(), p99_ms: nothing() };
}
