/** Whether the server answers. Lost by a request that nobody answered; found again by one that was, or by the probe. */
class Reachability {
  private lostSince: number | null = null;
  private listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private delay = 1_000;

  /** Called when the server answers again. */
  onFound: () => void = () => undefined;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly isLost = (): boolean => this.lostSince !== null;

  lost(): void {
    if (this.lostSince !== null) return;
    this.lostSince = Date.now();
    this.delay = 1_000;
    this.probeLater();
    this.tell();
  }

  found(): void {
    if (this.lostSince === null) return;
    this.lostSince = null;
    clearTimeout(this.timer);
    this.tell();
    this.onFound();
  }

  /**
   * Fetches code or words of the page. While the server is away it waits for it, rather than give the page up.
   *
   * Rejects when the server answers and the file is gone all the same: a newer build has taken its place.
   */
  async load<T>(fetched: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await fetched();
      } catch (error) {
        if (await answers()) throw error;
        this.lost();
        await new Promise<void>((back) => {
          const end = this.subscribe(() => {
            if (this.isLost()) return;
            end();
            back();
          });
        });
      }
    }
  }

  /** Ask now whether it is back. */
  async probe(): Promise<void> {
    clearTimeout(this.timer);
    if (await answers()) return this.found();
    this.delay = Math.min(this.delay * 1.6, 10_000);
    this.probeLater();
  }

  private probeLater(): void {
    this.timer = setTimeout(() => void this.probe(), this.delay);
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch("/readyz", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
}

export const reachability = new Reachability();
