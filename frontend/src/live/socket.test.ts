import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveSocket } from "./socket";

interface Sent {
  type: string;
  subject?: string;
  after?: string;
}

/** The server's end of a line. */
class FakeWebSocket {
  static readonly OPEN = 1;
  static made: FakeWebSocket[] = [];
  readyState = 0;
  sent: Sent[] = [];
  closed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;

  constructor(readonly url: string) {
    FakeWebSocket.made.push(this);
  }
  send(text: string): void {
    this.sent.push(JSON.parse(text) as Sent);
  }
  /** As a dead line: the browser says nothing. */
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
  end(code: number): void {
    this.readyState = 3;
    this.onclose?.({ code });
  }
}

const made = (): FakeWebSocket[] => FakeWebSocket.made;
const last = (): FakeWebSocket => made().at(-1)!;
/** Pauses are spread between half and one and a half of this. */
const LONGEST_SPREAD = 1.5;

let socket: LiveSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeWebSocket);
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  FakeWebSocket.made = [];
  socket = new LiveSocket(() => "ws://test/ws/v1/live/");
});
afterEach(() => {
  socket.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("following", () => {
  it("connects for the first follower, and subscribes once the line is there", () => {
    expect(made()).toHaveLength(0);
    socket.follow("run.1", {});
    expect(made()).toHaveLength(1);
    expect(last().sent).toEqual([]);
    last().open();
    expect(last().sent).toEqual([{ type: "subscribe", subject: "run.1" }]);
    expect(socket.lineState()).toBe("open");
  });

  it("follows a subject once for several, and leaves it with the last", () => {
    const first = socket.follow("run.1", {});
    last().open();
    const second = socket.follow("run.1", {});
    first();
    expect(last().sent).toHaveLength(1);
    second();
    expect(last().sent.at(-1)).toEqual({ type: "unsubscribe", subject: "run.1" });
  });

  it("stays a moment between two pages, then goes", () => {
    socket.follow("run.1", {})();
    last().open();
    vi.advanceTimersByTime(4_000);
    socket.follow("run.2", {});
    vi.advanceTimersByTime(10_000);
    expect(made()).toHaveLength(1);
    expect(last().closed).toBe(false);
  });

  it("goes when nobody follows anything for a while", () => {
    const end = socket.follow("run.1", {});
    last().open();
    end();
    vi.advanceTimersByTime(5_000);
    expect(last().closed).toBe(true);
    expect(socket.lineState()).toBe("closed");
  });

  it("tells followers of what was before the subscription, of updates and of refusals, each of their own", () => {
    const one = { onUpdate: vi.fn(), onGap: vi.fn(), onRefused: vi.fn() };
    const other = { onUpdate: vi.fn(), onRefused: vi.fn() };
    socket.follow("run.1", one);
    socket.follow("run.2", other);
    last().open();
    last().say({ type: "subscribed", subject: "run.1", cursor: "5-9" });
    expect(one.onGap).toHaveBeenCalledTimes(1);
    const update = { type: "update", subject: "run.1", cursor: "6-9", points_missing: true };
    last().say(update);
    expect(one.onUpdate).toHaveBeenCalledExactlyOnceWith(update);
    last().say({ type: "refused", subject: "run.2", detail: "no such subject" });
    expect(other.onRefused).toHaveBeenCalledExactlyOnceWith("no such subject");
    expect(other.onUpdate).not.toHaveBeenCalled();
    expect(one.onRefused).not.toHaveBeenCalled();
  });
});

describe("a lost line", () => {
  it("comes back with growing pauses, up to ten seconds, and at once quickly again after it was heard", () => {
    socket.follow("run.1", {});
    const pauses: number[] = [];
    for (let time = 0; time < 8; time += 1) {
      const before = made().length;
      last().end(1006);
      let waited = 0;
      for (; made().length === before; waited += 50) vi.advanceTimersByTime(50);
      pauses.push(waited);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
    last().open();
    last().say({ type: "subscribed", subject: "run.1", cursor: "1-1" });
    last().end(1006);
    vi.advanceTimersByTime(250);
    expect(made()).toHaveLength(10);
  });

  it("does not come back at once to a server that takes it and ends it", () => {
    socket.follow("run.1", {});
    for (let time = 0; time < 6; time += 1) {
      last().open();
      last().end(1013);
      vi.advanceTimersByTime(10_000 * LONGEST_SPREAD);
    }
    const before = made().length;
    last().open();
    last().end(1013);
    vi.advanceTimersByTime(4_000);
    expect(made()).toHaveLength(before);
  });

  it("goes on from the last cursor of each subject: of updates, and of heartbeats in silence", () => {
    const follower = { onGap: vi.fn() };
    socket.follow("run.1", follower);
    socket.follow("run.2", {});
    last().open();
    last().say({ type: "subscribed", subject: "run.1", cursor: "5-9" });
    last().say({ type: "update", subject: "run.1", cursor: "7-9" });
    last().end(1006);
    vi.advanceTimersByTime(250);
    last().open();
    expect(last().sent).toEqual([
      { type: "subscribe", subject: "run.1", after: "7-9" },
      { type: "subscribe", subject: "run.2" },
    ]);
    last().say({ type: "subscribed", subject: "run.1", cursor: "7-9" });
    expect(follower.onGap).toHaveBeenCalledTimes(1);
    last().say({ type: "heartbeat", cursor: "11-9" });
    last().end(1006);
    vi.advanceTimersByTime(250);
    last().open();
    // Whoever was never told a cursor has nothing to go on from.
    expect(last().sent).toEqual([
      { type: "subscribe", subject: "run.1", after: "11-9" },
      { type: "subscribe", subject: "run.2" },
    ]);
  });

  it("is noticed by its silence, though the browser says nothing", () => {
    socket.follow("run.1", {});
    last().open();
    vi.advanceTimersByTime(39_000);
    last().say({ type: "heartbeat", cursor: "1-1" });
    vi.advanceTimersByTime(39_000);
    expect(made()).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(socket.lineState()).toBe("closed");
    expect(last().closed).toBe(true);
    vi.advanceTimersByTime(250);
    expect(made()).toHaveLength(2);
  });

  it("is asked when the page is looked at again, and given up when it does not answer", () => {
    socket.follow("run.1", {});
    last().open();
    socket.hurry();
    expect(last().sent.at(-1)).toEqual({ type: "ping" });
    last().say({ type: "pong" });
    vi.advanceTimersByTime(5_000);
    expect(made()).toHaveLength(1);
    socket.hurry();
    vi.advanceTimersByTime(4_250);
    expect(made()).toHaveLength(2);
  });

  it("comes back at once when the network does", () => {
    socket.follow("run.1", {});
    for (let time = 0; time < 5; time += 1) {
      last().end(1006);
      vi.advanceTimersByTime(15_000);
    }
    last().end(1006);
    const before = made().length;
    socket.hurry();
    expect(made()).toHaveLength(before + 1);
  });

  it("says nothing of an old line", () => {
    const follower = { onUpdate: vi.fn() };
    socket.follow("run.1", follower);
    const old = last();
    old.open();
    vi.advanceTimersByTime(41_000);
    old.say({ type: "update", subject: "run.1", cursor: "1-1" });
    old.end(1006);
    expect(follower.onUpdate).not.toHaveBeenCalled();
    expect(made()).toHaveLength(2);
  });
});

describe("what the server may say", () => {
  it("tells a gap to whom it is about, or to all", () => {
    const one = { onGap: vi.fn() };
    const other = { onGap: vi.fn() };
    socket.follow("run.1", one);
    socket.follow("run.2", other);
    last().open();
    last().say({ type: "gap", cursor: "3-3", subject: "run.2" });
    expect([one.onGap.mock.calls.length, other.onGap.mock.calls.length]).toEqual([0, 1]);
    last().say({ type: "gap", cursor: "3-3" });
    expect([one.onGap.mock.calls.length, other.onGap.mock.calls.length]).toEqual([1, 2]);
  });

  it("has the page check its rights and comes back, when they have changed", () => {
    socket.onRightsChanged = vi.fn();
    socket.follow("run.1", {});
    last().open();
    last().end(4403);
    expect(socket.onRightsChanged).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(250);
    expect(made()).toHaveLength(2);
  });

  it("does not come back when the session is over", () => {
    socket.onSignedOut = vi.fn();
    socket.follow("run.1", {});
    last().open();
    last().end(4401);
    expect(socket.onSignedOut).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(60_000);
    expect(made()).toHaveLength(1);
  });

  it("waits long when there were too many sockets or messages", () => {
    socket.follow("run.1", {});
    last().open();
    last().say({ type: "pong" });
    last().end(4429);
    vi.advanceTimersByTime(9_000);
    expect(made()).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    expect(made()).toHaveLength(2);
  });
});
