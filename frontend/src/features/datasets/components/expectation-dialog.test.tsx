// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, fireEvent, render, screen } from "@testing-library/react";
import i18n from "i18next";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { api } from "@/api/client";
import common from "@/locale/common.en.json";
import form from "@/locale/form.en.json";
import quality from "@/locale/quality.en.json";
import type { Dataset } from "../api";
import { expectationKindsQuery, siblingsQuery, type ExpectationForm } from "../quality";
import { ExpectationDialog } from "./expectation-dialog";

const KIND = { kind: "not_null", title: "Not missing", description: "", "x-zh-hans": { title: "", description: "" }, schema: { type: "object", properties: { column: { type: "string", title: "Column" } } } };
const DATASET = { id: "d", name: "loans", project: "p" } as Dataset;

function refuse(problem: { status: number; detail: string; fields?: Record<string, string[]> }): void {
  vi.spyOn(api, "POST").mockResolvedValue({ error: problem, response: new Response(JSON.stringify(problem), { status: problem.status }) });
}

function show(): void {
  const client = new QueryClient();
  client.setQueryData(expectationKindsQuery.queryKey, [KIND as unknown as ExpectationForm]);
  client.setQueryData(siblingsQuery("p").queryKey, []);
  client.setDefaultOptions({ queries: { staleTime: Infinity } });
  render(
    <MantineProvider env="test">
      <QueryClientProvider client={client}>
        <ExpectationDialog dataset={DATASET} columns={[]} onClose={() => undefined} />
      </QueryClientProvider>
    </MantineProvider>,
  );
}

beforeAll(async () => {
  Object.defineProperty(document, "fonts", { value: new EventTarget(), configurable: true });
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  await i18n.use(initReactI18next).init({ lng: "en", resources: { en: { common, form, quality } }, defaultNS: "common", interpolation: { escapeValue: false } });
});
afterEach(cleanup);

it("says why an expectation is refused that has nothing wrong in its fields", async () => {
  refuse({ status: 409, detail: "A dataset has at most 200 active expectations." });
  show();
  fireEvent.click(screen.getByRole("button", { name: "Add" }));
  expect(await screen.findByText(/at most 200 active expectations/)).toBeTruthy();
});
