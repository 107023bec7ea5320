import { afterEach, describe, expect, it, vi } from "vitest";
import { reachability } from "./reachability";

afterEach(() => reachability.found());

describe("reachability.load", () => {
  it("gives what was fetched", async () => {
    expect(await reachability.load(() => Promise.resolve("code"))).toBe("code");
    expect(reachability.isLost()).toBe(false);
  });

  it("waits while the server is away, and fetches again once it answers", async () => {
    vi.stubGlobal("fetch", vi.fn().mockRejectedValue(new TypeError("refused")));
    const fetched = vi.fn<() => Promise<string>>().mockRejectedValueOnce(new TypeError("refused")).mockResolvedValue("code");
    const loading = reachability.load(fetched);
    await vi.waitFor(() => expect(reachability.isLost()).toBe(true));
    expect(fetched).toHaveBeenCalledTimes(1);
    reachability.found();
    expect(await loading).toBe("code");
  });

  it("gives up what the server no longer has", async () => {
    vi.stubGlobal("fetch", vi.fn().mockResolvedValue({ ok: true }));
    await expect(reachability.load(() => Promise.reject(new TypeError("gone")))).rejects.toThrow("gone");
    expect(reachability.isLost()).toBe(false);
  });
});
