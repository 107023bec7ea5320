// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen, within } from "@testing-library/react";
import axe from "axe-core";
import i18n from "i18next";
import type { ReactNode } from "react";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { api } from "@/api/client";
import common from "@/locale/common.en.json";
import commonZh from "@/locale/common.zh.json";
import states from "@/locale/states.en.json";
import statesZh from "@/locale/states.zh.json";
import type { Cluster } from "../api";
import clusters from "../locale/en.json";
import clustersZh from "../locale/zh.json";
import { ClusterCard } from "./cluster-card";
import { ClusterDialog } from "./cluster-dialog";

vi.mock("@/components/link-button", () => ({ LinkButton: ({ children, search, ...props }: { children: ReactNode; search: { pool: string } }) => <a href={`/quotas?pool=${search.pool}`} aria-label={(props as { "aria-label"?: string })["aria-label"]}>{children}</a> }));
vi.mock("@/live/use-live", () => ({ useLiveRefresh: () => undefined }));

const MISSING = { code: "missing_permission", detail: "The account may not create jobs in all namespaces.", params: { verb: "create", resource: "jobs", group: "batch", namespace: "" }, blocking: true };
const CLUSTER = {
  id: "c", name: "gpu", kind: "token", server: "https://10.1.2.3:6443", ca_pem: "", credentials_at: "2026-03-02T09:30:00Z", namespace_prefix: "ai", makes_namespaces: true, job_api_url: "", runtime_image: "",
  requests_per_second: 50, options: {}, checked_at: "2026-03-02T09:30:04Z", healthy: false, healthy_at: null, version: "v1.36.2", pool: "p", backend: "kubernetes/gpu", created_at: "2026-03-02T09:30:00Z",
  problems: [MISSING, { code: "tls", detail: "The certificate is of somebody else.", params: {}, blocking: true }, { code: "expires_soon", detail: "The credentials expire.", params: {}, blocking: false }],
} satisfies Cluster;

function show(inside: ReactNode): HTMLElement {
  return render(
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>{inside}</QueryClientProvider>
    </MantineProvider>,
  ).baseElement;
}

async function isAccessible(element: HTMLElement): Promise<void> {
  const found = await axe.run(element, { rules: { region: { enabled: false }, "color-contrast": { enabled: false } } });
  expect(found.violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)).toEqual([]);
}

beforeAll(async () => {
  Object.defineProperty(document, "fonts", { value: new EventTarget(), configurable: true });
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  vi.stubGlobal("ResizeObserver", class { observe = () => undefined; unobserve = () => undefined; disconnect = () => undefined; });
  const resources = { en: { common, states, clusters }, zh: { common: commonZh, states: statesZh, clusters: clustersZh } };
  await i18n.use(initReactI18next).init({ lng: "en", resources, defaultNS: "common", interpolation: { escapeValue: false } });
});
afterEach(async () => {
  cleanup();
  vi.restoreAllMocks();
  await i18n.changeLanguage("en");
});

it("says how a cluster is and which permissions are missing", async () => {
  const page = show(<ClusterCard cluster={CLUSTER} mayChange onChange={() => undefined} />);
  expect(screen.getByText("not well")).toBeTruthy();
  expect(screen.getByText("https://10.1.2.3:6443")).toBeTruthy();
  expect(screen.getByText("ai-…, made by Bedplate")).toBeTruthy();
  const [, row] = within(screen.getByRole("region", { name: "Missing permissions" })).getAllByRole("row");
  expect(within(row!).getAllByRole("cell").map(({ textContent }) => textContent)).toEqual(["create", "jobs", "batch", "everywhere"]);
  expect(screen.getByRole("heading", { name: "What is wrong" }).nextElementSibling?.textContent).toBe("The certificate is of somebody else.");
  expect(screen.getByRole("heading", { name: "Worth knowing" }).nextElementSibling?.textContent).toBe("The credentials expire.");
  expect(screen.getByRole("link", { name: "Open the pool of gpu" }).getAttribute("href")).toBe("/quotas?pool=p");
  await isAccessible(page);
});

it("says in Chinese what kind of problem it is, before the words of the server", async () => {
  await i18n.changeLanguage("zh");
  show(<ClusterCard cluster={CLUSTER} mayChange={false} onChange={() => undefined} />);
  expect(screen.getByText("不正常")).toBeTruthy();
  expect(screen.getByText(/服务器的证书不是由所给的签发机构签发的。/)).toBeTruthy();
  expect(screen.getByText("The certificate is of somebody else.").getAttribute("lang")).toBe("en");
});

it("offers no verbs to who may not use them", () => {
  show(<ClusterCard cluster={{ ...CLUSTER, healthy: true, problems: [] }} mayChange={false} onChange={() => undefined} />);
  expect(screen.queryAllByRole("button")).toEqual([]);
  expect(screen.getByText("well")).toBeTruthy();
});

it("asks before it removes, and says why it could not", async () => {
  const remove = vi.spyOn(api, "DELETE").mockRejectedValue(new Error("1 workloads run or wait on gpu"));
  show(<ClusterCard cluster={CLUSTER} mayChange onChange={() => undefined} />);
  fireEvent.click(screen.getByRole("button", { name: "Remove gpu" }));
  expect(remove).not.toHaveBeenCalled();
  fireEvent.click(await screen.findByRole("button", { name: "Remove the cluster" }));
  expect(await screen.findByText(/1 workloads run or wait on gpu/)).toBeTruthy();
});

it("sends what was pasted, once, and shows what is refused by its field", async () => {
  const problem = { status: 400, code: "invalid", detail: "kubeconfig: This is not YAML (line 1).", fields: { kubeconfig: ["This is not YAML (line 1)."] } };
  const post = vi.spyOn(api, "POST").mockResolvedValue({ error: problem, response: new Response(JSON.stringify(problem), { status: 400 }) });
  const page = show(<ClusterDialog cluster={null} onClose={() => undefined} />);
  fireEvent.click(screen.getByRole("button", { name: "Add a cluster" }));
  expect(screen.getByText("Paste the kubeconfig.")).toBeTruthy();
  expect(post).not.toHaveBeenCalled();
  fireEvent.change(screen.getByRole("textbox", { name: "Name" }), { target: { value: "gpu" } });
  fireEvent.change(screen.getByRole("textbox", { name: "Kubeconfig" }), { target: { value: "a: [" } });
  await isAccessible(page);
  fireEvent.click(screen.getByRole("button", { name: "Add a cluster" }));
  expect(await screen.findByText(/This is not YAML/)).toBeTruthy();
  expect(post.mock.calls[0]?.[1]).toMatchObject({ body: { name: "gpu", kind: "kubeconfig", kubeconfig: "a: [" } });
});

it("leaves alone how to connect unless that is said anew", async () => {
  const patch = vi.spyOn(api, "PATCH").mockResolvedValue({ data: CLUSTER, response: new Response("{}") });
  const closed = vi.fn();
  show(<ClusterDialog cluster={CLUSTER} onClose={closed} />);
  expect(screen.queryByLabelText(/^Token of a service account/)).toBeNull();
  fireEvent.click(screen.getByLabelText(/^Make the namespaces of projects/));
  fireEvent.click(screen.getByRole("button", { name: "Save" }));
  await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  const [, sent] = patch.mock.calls[0] as unknown as [string, { body: object }];
  expect(sent.body).toEqual({ makes_namespaces: false });
});
