import type { XAxis } from "@/live/metric-buffer";
import type { RunCurves } from "@/live/run-curves";

/** What is asked for within this is one question. */
const WAIT = 150;
const KEYS_MOST = 20;

type Span = readonly [number, number];

/** Reads finer points for the part that a reader has zoomed into: of the charts in sight, together, and only where there are too few. */
export class Refiner {
  private readonly wanted = new Set<string>();
  /** Per key the parts of which all that there is was read. */
  private readonly whole = new Map<string, Span[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = "";

  constructor(private readonly curves: Pick<RunCurves, "isFine" | "refine">) {}

  /** A chart of this metric shows the part between, so many pixels wide. */
  want(key: string, axis: XAxis, span: Span, columns: number): void {
    const part = `${axis.kind} ${span.join(" ")}`;
    if (part !== this.asked) this.wanted.clear();
    this.asked = part;
    if (this.isWhole(key, axis, span) || this.curves.isFine(key, axis, ...span, 2 * columns)) return;
    this.wanted.add(key);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.ask(axis, span, 2 * columns), WAIT);
  }

  end(): void {
    clearTimeout(this.timer);
  }

  private async ask(axis: XAxis, span: Span, points: number): Promise<void> {
    const keys = [...this.wanted];
    this.wanted.clear();
    for (let at = 0; at < keys.length; at += KEYS_MOST) {
      const some = keys.slice(at, at + KEYS_MOST);
      try {
        const found = await this.curves.refine(some, axis, ...span, Math.max(points, 4));
        for (const [key, count] of Object.entries(found)) if (count < points) this.remember(key, axis, span);
      } catch {
        // The curve stays as coarse as it is; the next zoom asks again.
        return;
      }
    }
  }

  private remember(key: string, axis: XAxis, span: Span): void {
    const name = `${axis.kind} ${key}`;
    this.whole.set(name, [...(this.whole.get(name) ?? []).slice(-20), span]);
  }

  private isWhole(key: string, axis: XAxis, [low, high]: Span): boolean {
    return (this.whole.get(`${axis.kind} ${key}`) ?? []).some(([from, to]) => from <= low && high <= to);
  }
}
