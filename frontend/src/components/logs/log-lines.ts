/** Lines as the API answers them. */
export interface LinePiece {
  first_line: number;
  lines: number;
  text: string;
}

export interface LinesAnswer {
  chunks: readonly LinePiece[];
  /** Where a range goes on that did not fit. */
  next_line: number | null;
}

/** Reads one member's output. */
export interface ReadLines {
  range(from: number, to: number): Promise<LinesAnswer>;
  tail(lines: number): Promise<LinesAnswer>;
}

/** Lines that are fetched together. */
export const PAGE = 500;
/** Pages that are kept: beyond it those that were not looked at for longest go. */
const PAGES_MOST = 60;
/** Before a reading that failed is tried again. */
const PAUSE = 3_000;

type Lines = (string | null | undefined)[];

/**
 * The output of one member of an attempt, of which a part is here: pages are fetched when they are looked at, and forgotten.
 * A line that is `null` was not kept; one that is `undefined` is not here yet.
 */
export class LogLines {
  /** The number of the last line that is shown. */
  total = 0;
  /** Whether the first answer is there. */
  isRead = false;
  error: unknown = null;
  /** Grows with every change, for React. */
  version = 0;
  private readonly pages = new Map<number, Lines>();
  private readonly listeners = new Set<() => void>();
  private readonly underWay = new Set<number>();
  /** Pages whose end grew while they were read. */
  private readonly again = new Set<number>();
  private ended = false;
  /** The number of the last line that is known of. */
  private told = 0;

  constructor(private readonly read: ReadLines) {}

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  /** Read the end; lines before it come when they are looked at. */
  async start(): Promise<void> {
    this.ended = false;
    try {
      const answer = await this.read.tail(PAGE);
      this.error = null;
      this.isRead = true;
      const last = answer.chunks.at(-1);
      if (last) this.told = Math.max(this.told, last.first_line + last.lines - 1);
      this.put(answer.chunks);
    } catch (error) {
      this.error = error;
      if (!this.ended) setTimeout(() => !this.ended && void this.start(), PAUSE);
    }
    this.changed();
  }

  end(): void {
    this.ended = true;
  }

  /** The line of this number (from 1). */
  line(number: number): string | null | undefined {
    return this.pages.get(pageOf(number))?.[(number - 1) % PAGE];
  }

  /** There are lines up to this one. They are shown when they are here, unless they are many. */
  grew(last: number): void {
    if (last <= this.told) return;
    const from = this.told;
    this.told = last;
    if (last - this.total > PAGE) this.total = last;
    // The page at the end is added to; whole new pages between are fetched when they are looked at.
    this.fetch(pageOf(Math.max(from, 1)), true);
    if (pageOf(last) !== pageOf(Math.max(from, 1))) this.fetch(pageOf(last), true);
  }

  /** These lines are looked at: fetch what is not here. */
  look(first: number, last: number): void {
    for (let page = pageOf(Math.max(1, first)); page <= pageOf(Math.min(last, this.total)); page += 1) {
      const lines = this.pages.get(page);
      if (lines) {
        this.pages.delete(page);
        this.pages.set(page, lines);
      }
      if (!lines || this.hasHole(page, lines)) this.fetch(page, false);
    }
  }

  private hasHole(page: number, lines: Lines): boolean {
    const end = Math.min(PAGE, this.total - page * PAGE);
    for (let at = 0; at < end; at += 1) if (lines[at] === undefined) return true;
    return false;
  }

  private fetch(page: number, grown: boolean): void {
    if (page < 0) return;
    if (this.underWay.has(page)) {
      if (grown) this.again.add(page);
      return;
    }
    this.underWay.add(page);
    void this.readPage(page).finally(() => {
      this.underWay.delete(page);
      if (this.again.delete(page)) this.fetch(page, false);
    });
  }

  private async readPage(page: number): Promise<void> {
    const lines = this.pages.get(page);
    const known = lines ? lines.findIndex((line) => line === undefined) : 0;
    const from = page * PAGE + 1 + (lines ? (known < 0 ? lines.length : known) : 0);
    const to = Math.min((page + 1) * PAGE, this.told);
    if (from > to) return;
    try {
      let next: number | null = from;
      while (next !== null && next <= to) {
        const answer: LinesAnswer = await this.read.range(next, to);
        if (this.ended) return;
        this.put(answer.chunks);
        this.missing(next, answer.next_line ?? to + 1);
        next = answer.next_line;
      }
      this.error = null;
    } catch (error) {
      this.error = error;
      setTimeout(() => !this.ended && this.fetch(page, false), PAUSE);
    }
    this.changed();
  }

  private put(pieces: readonly LinePiece[]): void {
    for (const piece of pieces) {
      const lines = piece.text.split("\n");
      for (let at = 0; at < piece.lines; at += 1) this.set(piece.first_line + at, lines[at] ?? "");
    }
    while (this.pages.size > PAGES_MOST) this.pages.delete(this.pages.keys().next().value!);
  }

  /** What an answer was asked for and did not bring was not kept. */
  private missing(from: number, to: number): void {
    for (let number = from; number < to; number += 1) if (this.line(number) === undefined) this.set(number, null);
  }

  private set(number: number, text: string | null): void {
    if (number < 1) return;
    if (number > this.total) this.total = number;
    const page = pageOf(number);
    let lines = this.pages.get(page);
    if (!lines) {
      lines = [];
      this.pages.set(page, lines);
    }
    lines[(number - 1) % PAGE] = text;
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

const pageOf = (number: number): number => Math.floor((number - 1) / PAGE);
