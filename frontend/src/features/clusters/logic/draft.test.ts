import { describe, expect, it } from "vitest";
import type { Cluster } from "../api";
import { bodyOf, draftOf, freshDraft, optionsOf, problemsOf } from "./draft";

const CLUSTER = {
  id: "c", name: "gpu", kind: "token", server: "https://10.1.2.3:6443", ca_pem: "-----BEGIN", namespace_prefix: "bedplate", makes_namespaces: true,
  job_api_url: "", runtime_image: "", requests_per_second: 50, options: {}, healthy: true, version: "v1.36.2", problems: [], pool: "p", backend: "kubernetes/gpu",
} as unknown as Cluster;

describe("a new cluster", () => {
  it("is sent with what its kind takes and nothing else", () => {
    const draft = { ...freshDraft(), name: "gpu", kubeconfig: "apiVersion: v1", token: "left over", server: "https://left.over" };
    expect(bodyOf(draft, null)).toEqual({
      kind: "kubeconfig", kubeconfig: "apiVersion: v1", namespace_prefix: "bedplate", makes_namespaces: true, job_api_url: "", runtime_image: "", requests_per_second: 50, options: {},
    });
    expect(bodyOf({ ...draft, kind: "in_cluster" }, null)).not.toHaveProperty("kubeconfig");
    expect(bodyOf({ ...draft, kind: "token", server: " https://10.1.2.3 ", token: " t\n" }, null)).toMatchObject({ kind: "token", server: "https://10.1.2.3", token: "t", ca_pem: "" });
  });

  it("lacks what it lacks", () => {
    expect(problemsOf(freshDraft(), true)).toEqual(["name", "kubeconfig"]);
    expect(problemsOf({ ...freshDraft(), name: "No", kind: "token", server: "10.1.2.3" }, true)).toEqual(["name", "server", "token"]);
    expect(problemsOf({ ...freshDraft(), name: "a".repeat(41), kind: "in_cluster" }, true)).toEqual(["name"]);
    expect(problemsOf({ ...freshDraft(), name: "gpu", kind: "in_cluster", requests_per_second: 0, options: "[]" }, true)).toEqual(["requests_per_second", "options"]);
    expect(problemsOf({ ...freshDraft(), name: "gpu", kind: "in_cluster", requests_per_second: "" }, true)).toEqual(["requests_per_second"]);
    expect(problemsOf({ ...freshDraft(), name: "gpu", kind: "in_cluster" }, true)).toEqual([]);
  });
});

describe("a change", () => {
  it("says what differs, and of the connection nothing unless it is said anew", () => {
    const draft = draftOf(CLUSTER);
    expect([draft.token, draft.reconnects, draft.server]).toEqual(["", false, "https://10.1.2.3:6443"]);
    expect(bodyOf(draft, CLUSTER)).toEqual({});
    expect(bodyOf({ ...draft, makes_namespaces: false, options: '{"serve_port": 9000}' }, CLUSTER)).toEqual({ makes_namespaces: false, options: { serve_port: 9000 } });
    expect(bodyOf({ ...draft, reconnects: true, token: "new" }, CLUSTER)).toEqual({ kind: "token", server: "https://10.1.2.3:6443", ca_pem: "-----BEGIN", token: "new" });
    expect(problemsOf({ ...draft, reconnects: true }, false)).toEqual(["token"]);
    expect(problemsOf(draft, false)).toEqual([]);
  });

  it("reads options as they are written", () => {
    expect(draftOf({ ...CLUSTER, options: { serve_port: 9000 } }).options).toBe('{\n  "serve_port": 9000\n}');
    expect([optionsOf(" "), optionsOf("{"), optionsOf("5"), optionsOf("null"), optionsOf("[]")]).toEqual([{}, null, null, null, null]);
  });
});
