import type { ServerMessage, Update } from "./protocol";

/** What somebody who follows a subject is told. */
export interface Follower {
  /** Something happened; complete up to `update.cursor`. */
  onUpdate?: (update: Update) => void;
  /** Something may have been missed: read it again. Also after every reconnection that could not be resumed. */
  onGap?: () => void;
  /** Not followed: missing or forbidden. */
  onRefused?: (detail: string) => void;
}

interface Subject {
  followers: Set<Follower>;
  /** Told up to here; "" before the first `subscribed`. */
  cursor: string;
}

export type LineState = "connecting" | "open" | "closed";

const FIRST_DELAY = 250;
const LONGEST_DELAY = 10_000;
/** The server speaks at least every 15 s. */
const SILENCE = 40_000;
/** A line that was asked whether it is there answers within this. */
const ANSWER = 4_000;
/** Nobody follows anything between two pages; the socket stays that long. */
const LINGER = 5_000;
const UNAUTHENTICATED = 4401;
const RIGHTS_CHANGED = 4403;
const TOO_MANY = 4429;
const NOTHING_HEARD = 1006;

/**
 * One socket for the whole page (`apps/common/LIVE.md` is the protocol). It connects while somebody follows something,
 * comes back by itself with growing pauses, and subscribes with the last cursor, so that nothing in between is missed.
 */
export class LiveSocket {
  private socket: WebSocket | null = null;
  private readonly subjects = new Map<string, Subject>();
  private delay = FIRST_DELAY;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private silence: ReturnType<typeof setTimeout> | undefined;
  private leaving: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Set<() => void>();
  private state: LineState = "closed";

  /** The session is over, or rights have changed: what is shown must be checked again. */
  onRightsChanged: () => void = () => undefined;
  onSignedOut: () => void = () => undefined;

  constructor(private readonly url: () => string) {}

  /** Follow a subject; returns what ends it. */
  follow(name: string, follower: Follower): () => void {
    let subject = this.subjects.get(name);
    if (!subject) {
      subject = { followers: new Set(), cursor: "" };
      this.subjects.set(name, subject);
      this.subscribe(name, subject);
    }
    subject.followers.add(follower);
    clearTimeout(this.leaving);
    if (!this.socket) this.connect();
    return () => this.unfollow(name, follower);
  }

  readonly onState = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly lineState = (): LineState => this.state;

  /** Whether anybody follows anything. */
  get isWanted(): boolean {
    return this.subjects.size > 0;
  }

  /** The network is back, or the page is looked at again: connect now instead of after the pause, or see whether the line still is one. */
  hurry(): void {
    if (!this.isWanted) return;
    if (this.socket) {
      if (this.socket.readyState === WebSocket.OPEN) {
        this.send({ type: "ping" });
        this.expectWithin(ANSWER);
      }
      return;
    }
    this.delay = FIRST_DELAY;
    this.connect();
  }

  close(): void {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    clearTimeout(this.leaving);
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.move("closed");
  }

  private unfollow(name: string, follower: Follower): void {
    const subject = this.subjects.get(name);
    if (!subject?.followers.delete(follower) || subject.followers.size) return;
    this.subjects.delete(name);
    this.send({ type: "unsubscribe", subject: name });
    if (this.isWanted) return;
    clearTimeout(this.leaving);
    this.leaving = setTimeout(() => {
      if (!this.isWanted) this.close();
    }, LINGER);
  }

  private connect(): void {
    clearTimeout(this.timer);
    this.move("connecting");
    const socket = new WebSocket(this.url());
    this.socket = socket;
    socket.onopen = () => {
      if (this.socket !== socket) return;
      this.move("open");
      for (const [name, subject] of this.subjects) this.subscribe(name, subject);
      this.expectWithin(SILENCE);
    };
    socket.onmessage = (message: MessageEvent<string>) => {
      if (this.socket !== socket) return;
      // Not when it opens: a server that takes the socket and ends it at once is not to be asked again at once.
      this.delay = FIRST_DELAY;
      this.expectWithin(SILENCE);
      this.take(JSON.parse(message.data) as ServerMessage);
    };
    socket.onclose = (event) => this.lost(socket, event.code);
  }

  private lost(socket: WebSocket, code: number): void {
    if (this.socket !== socket) return;
    this.socket = null;
    clearTimeout(this.silence);
    this.move("closed");
    if (code === UNAUTHENTICATED) return this.onSignedOut();
    if (code === RIGHTS_CHANGED) {
      this.delay = FIRST_DELAY;
      this.onRightsChanged();
    }
    if (code === TOO_MANY) this.delay = LONGEST_DELAY;
    if (!this.isWanted) return;
    // Spread, so that a thousand pages do not come back in the same moment.
    this.timer = setTimeout(() => this.connect(), this.delay * (0.5 + Math.random()));
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
  }

  private subscribe(name: string, subject: Subject): void {
    this.send(subject.cursor ? { type: "subscribe", subject: name, after: subject.cursor } : { type: "subscribe", subject: name });
  }

  private send(message: object): void {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  private expectWithin(milliseconds: number): void {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => {
      const socket = this.socket;
      if (!socket) return;
      // A line that is dead does not answer a close either: it is lost now, whenever the browser notices.
      this.lost(socket, NOTHING_HEARD);
      socket.close();
    }, milliseconds);
  }

  private take(message: ServerMessage): void {
    switch (message.type) {
      case "subscribed":
        return this.onSubscribed(message.subject, message.cursor);
      case "update":
        return this.onUpdate(message);
      case "gap":
        return this.onGap(message.subject ?? "");
      case "heartbeat":
        for (const subject of this.subjects.values()) if (subject.cursor) subject.cursor = message.cursor;
        return;
      case "refused":
        for (const follower of this.subjects.get(message.subject)?.followers ?? []) follower.onRefused?.(message.detail);
        return;
      default:
        return;
    }
  }

  private onSubscribed(name: string, cursor: string): void {
    const subject = this.subjects.get(name);
    if (!subject) return;
    const first = subject.cursor === "";
    subject.cursor = cursor;
    // What was read before the subscription began may be older than it.
    if (first) for (const follower of subject.followers) follower.onGap?.();
  }

  private onUpdate(update: Update): void {
    const subject = this.subjects.get(update.subject);
    if (!subject) return;
    subject.cursor = update.cursor;
    for (const follower of subject.followers) follower.onUpdate?.(update);
  }

  private onGap(name: string): void {
    const subjects = name ? [this.subjects.get(name)] : [...this.subjects.values()];
    for (const subject of subjects) for (const follower of subject?.followers ?? []) follower.onGap?.();
  }

  private move(state: LineState): void {
    if (this.state === state) return;
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
