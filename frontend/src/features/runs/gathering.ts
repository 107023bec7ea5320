/** What is asked for within this is one question. */
const WAIT = 30;
const KEYS_AT_ONCE = 20;
const RUNS_AT_ONCE = 50;
const PAUSE = 5_000;

/** Gathers what charts want into few questions about many runs and metrics; what nobody answered is asked again. */
export class Gathering {
  private readonly asked = new Set<string>();
  private readonly wanted = new Map<string, Set<string>>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly fetch: (runs: readonly string[], keys: readonly string[]) => Promise<void>) {}

  /** Somebody looks at a metric of a run: it is read once. `changed` is called when it is there; returns what ends it. */
  look(run: string, key: string, changed: () => void): () => void {
    this.want(run, key);
    const listeners = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, listeners);
    listeners.add(changed);
    return () => listeners.delete(changed);
  }

  /** Reads again what somebody looks at of these runs. */
  again(runs: readonly string[]): void {
    for (const [key, listeners] of this.listeners) {
      if (!listeners.size) continue;
      for (const run of runs) if (this.asked.delete(`${run} ${key}`)) this.want(run, key);
    }
  }

  /** These metrics have changed. */
  tell(keys: Iterable<string>): void {
    for (const key of keys) for (const listener of this.listeners.get(key) ?? []) listener();
  }

  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private want(run: string, key: string): void {
    const name = `${run} ${key}`;
    if (this.asked.has(name)) return;
    this.asked.add(name);
    const runs = this.wanted.get(key) ?? new Set();
    this.wanted.set(key, runs.add(run));
    this.timer ??= setTimeout(() => this.ask(), WAIT);
  }

  private ask(): void {
    this.timer = undefined;
    const keys = [...this.wanted.keys()];
    const runs = [...new Set([...this.wanted.values()].flatMap((each) => [...each]))];
    this.wanted.clear();
    for (const some of portions(keys, KEYS_AT_ONCE)) for (const few of portions(runs, RUNS_AT_ONCE)) void this.read(few, some);
  }

  private async read(runs: readonly string[], keys: readonly string[]): Promise<void> {
    try {
      await this.fetch(runs, keys);
      this.tell(keys);
    } catch {
      for (const key of keys) for (const run of runs) this.asked.delete(`${run} ${key}`);
      setTimeout(() => {
        for (const key of keys) if (this.listeners.get(key)?.size) for (const run of runs) this.want(run, key);
      }, PAUSE);
    }
  }
}

function portions<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, at) => all.slice(at * size, (at + 1) * size));
}
