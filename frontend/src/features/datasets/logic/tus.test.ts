// @vitest-environment happy-dom
import { afterEach, expect, it, vi } from "vitest";
import { ApiError } from "@/api/problem";
import { fingerprintOf, isPassing, metadata, sendResumed, waitBefore } from "./tus";

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** A server with one upload: what it kept, and after how many bytes of a request the connection breaks. */
function server(breaks: number[], size: number) {
  const kept = { bytes: 0, patches: 0, begun: 0 };
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    if (init.method === "POST") {
      kept.begun += 1;
      return Promise.resolve(new Response(JSON.stringify({ id: "u1" }), { status: 201 }));
    }
    return Promise.resolve(new Response(null, { status: 200, headers: { "Upload-Offset": String(kept.bytes) } }));
  });
  class Request {
    upload = { onprogress: null };
    headers: Record<string, string> = {};
    status = 0;
    responseText = "";
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    onloadend?: () => void;
    open(): void {}
    abort(): void {
      this.onabort?.();
    }
    setRequestHeader(name: string, value: string): void {
      this.headers[name] = value;
    }
    getResponseHeader(): string {
      return String(kept.bytes);
    }
    send(piece: Blob): void {
      kept.patches += 1;
      expect(Number(this.headers["Upload-Offset"])).toBe(kept.bytes);
      const limit = breaks.shift();
      kept.bytes = Math.min(kept.bytes + Math.min(piece.size, limit ?? Infinity), size);
      this.status = 204;
      queueMicrotask(() => (limit === undefined ? this.onload?.() : this.onerror?.()));
    }
  }
  vi.stubGlobal("XMLHttpRequest", Request);
  return kept;
}

const sending = (file: File) => ({ upload: null, dataset: "d1", file, onBegun: vi.fn(), onProgress: vi.fn(), onWaiting: vi.fn(), signal: new AbortController().signal });

it("goes on where the connection broke, by itself", async () => {
  vi.useFakeTimers();
  const file = new File([new Uint8Array(1000)], "loans.csv", { lastModified: 5 });
  const kept = server([300, 0, 200], file.size);
  const asked = sending(file);
  const sent = sendResumed(asked);
  await vi.runAllTimersAsync();
  expect(await sent).toBe("u1");
  expect(kept).toEqual({ bytes: 1000, patches: 4, begun: 1 });
  expect(asked.onBegun).toHaveBeenCalledExactlyOnceWith("u1");
  expect(asked.onWaiting).toHaveBeenCalledWith(expect.any(ApiError));
});

it("stops when it is told to, also while it waits", async () => {
  vi.useFakeTimers();
  const controller = new AbortController();
  const file = new File([new Uint8Array(10)], "loans.csv");
  server([0, 0, 0, 0], file.size);
  const sent = sendResumed({ ...sending(file), signal: controller.signal });
  await vi.advanceTimersByTimeAsync(500);
  controller.abort();
  await expect(sent).rejects.toThrow("cancelled");
});

it("waits longer each time, up to a bound, and only for what passes", () => {
  expect([0, 1, 2, 3, 4, 9].map(waitBefore)).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  expect([0, 409, 423, 429, 500, 503].map((status) => isPassing(new ApiError({ status })))).toEqual(Array(6).fill(true));
  expect([400, 401, 403, 404, 410, 413].map((status) => isPassing(new ApiError({ status })))).toEqual(Array(6).fill(false));
});

it("marks a file, and says so in letters that a header takes", () => {
  expect(fingerprintOf({ name: "贷款.csv", size: 3, lastModified: 7 })).toBe("贷款.csv-3-7");
  expect(metadata({ filename: "贷款.csv" })).toBe("filename 6LS35qy+LmNzdg==");
});
