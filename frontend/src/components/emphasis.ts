/** Which curve stands out in all charts of a page, said by what lists them: told without rendering anything. */
export class Emphasis {
  private readonly listeners = new Set<(id: string | null) => void>();

  /** This one, or none. */
  set(id: string | null): void {
    for (const listener of this.listeners) listener(id);
  }

  subscribe(listener: (id: string | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
