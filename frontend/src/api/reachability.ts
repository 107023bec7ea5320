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

  /** Ask now whether it is back. */
  async probe(): Promise<void> {
    clearTimeout(this.timer);
    try {
      const response = await fetch("/readyz", { cache: "no-store" });
      if (response.ok) return this.found();
    } catch {
      // still away
    }
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

export const reachability = new Reachability();
