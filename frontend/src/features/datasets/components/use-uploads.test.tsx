// @vitest-environment happy-dom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, expect, it, vi } from "vitest";
import { RESUMED_FROM_BYTES, type sendResumed } from "../logic/tus";
import { useUploads } from "./use-uploads";

type Sending = Parameters<typeof sendResumed>[0];
const dropped = vi.hoisted(() => vi.fn<(id: string) => Promise<void>>());
const sent = vi.hoisted(() => vi.fn<(sending: Sending) => Promise<string>>());
vi.mock("../logic/tus", async (original) => ({
  ...(await original<object>()),
  dropUpload: dropped,
  findUpload: () => Promise.resolve(null),
  sendResumed: sent,
}));

const ASK = { datasetOf: () => Promise.resolve("d"), options: {}, base: null };

/** A file that is sent in pieces, without its bytes. */
const large = (name: string): File => Object.defineProperty(new File([], name), "size", { value: RESUMED_FROM_BYTES });

function Provider({ children }: { children: ReactNode }) {
  return <QueryClientProvider client={new QueryClient()}>{children}</QueryClientProvider>;
}

/** Two files are chosen, and of the first the server has a part. */
async function begun() {
  const hook = renderHook(() => useUploads(), { wrapper: Provider });
  await act(() => hook.result.current.add([large("one.csv"), large("two.csv")]));
  let ended: Promise<string[]> = Promise.resolve([]);
  await act(async () => {
    ended = hook.result.current.start(hook.result.current.uploads, ASK);
    await Promise.resolve();
  });
  expect(sent).toHaveBeenCalledTimes(1);
  return { hook, ended };
}

beforeEach(() => {
  dropped.mockReset().mockResolvedValue(undefined);
  sent.mockReset().mockImplementation(({ file, onBegun, signal }) => {
    onBegun(`of ${file.name}`);
    return new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
    });
  });
});

it("leaves what the server has of a file when the page is left, and begins no other", async () => {
  const { hook, ended } = await begun();
  hook.unmount();
  expect(await ended).toEqual([]);
  expect(dropped).not.toHaveBeenCalled();
  expect(sent).toHaveBeenCalledTimes(1);
});

it("gives up what the server has of a file that is cancelled, and goes on with the next", async () => {
  const { hook } = await begun();
  await act(async () => {
    hook.result.current.cancel(0);
    await vi.waitFor(() => expect(sent).toHaveBeenCalledTimes(2));
  });
  expect(dropped.mock.calls).toEqual([["of one.csv"]]);
  expect(hook.result.current.uploads[0]?.state).toBe("cancelled");
  hook.unmount();
});
