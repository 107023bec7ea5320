// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import i18n from "i18next";
import { useState } from "react";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import { api } from "@/api/client";
import common from "@/locale/common.en.json";
import form from "@/locale/form.en.json";
import type { JsonSchema } from "./schema";
import { SchemaForm } from "./schema-form";

const SCHEMA: JsonSchema = { type: "object", required: ["expression"], properties: { expression: { type: "string", title: "Condition", "x-input": "expression" } } };
const COLUMNS = [{ name: "Debt", type: "float64" }];
const asked = vi.fn<(body: unknown) => void>();
let told: unknown;

function Held({ isUnsure }: { isUnsure?: boolean }) {
  const [value, setValue] = useState<Record<string, unknown>>({});
  return (
    <MantineProvider env="test">
      <QueryClientProvider client={new QueryClient()}>
        <SchemaForm schema={SCHEMA} value={value} onChange={setValue} columns={COLUMNS} gives="bool" isUnsure={isUnsure} />
      </QueryClientProvider>
    </MantineProvider>
  );
}

beforeAll(async () => {
  Object.defineProperty(document, "fonts", { value: new EventTarget(), configurable: true });
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  await i18n.use(initReactI18next).init({ lng: "en", resources: { en: { common, form } }, defaultNS: "common", interpolation: { escapeValue: false } });
});
beforeEach(() => {
  vi.useFakeTimers();
  asked.mockClear();
  vi.spyOn(api, "POST").mockImplementation(((_: string, { body }: { body: unknown }) => {
    asked(body);
    return Promise.resolve({ data: told, response: new Response() });
  }) as never);
});
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const field = (): HTMLTextAreaElement => screen.getByLabelText("Condition", { exact: false, selector: "textarea" });
async function type(text: string): Promise<void> {
  fireEvent.change(field(), { target: { value: text } });
  await act(() => vi.advanceTimersByTimeAsync(400)); // the text settles
  await act(() => vi.advanceTimersByTimeAsync(10)); // the answer comes
}

it("asks once nobody types any more, with the columns that stand before; of nothing it does not ask", async () => {
  told = { type: "bool", columns: ["Debt"], problem: null };
  render(<Held />);
  fireEvent.change(field(), { target: { value: "Debt" } });
  await act(() => vi.advanceTimersByTimeAsync(100));
  await type("Debt > 3");
  expect(asked.mock.calls).toEqual([[{ expression: "Debt > 3", columns: COLUMNS }]]);
  expect(screen.getAllByText("Gives true or false.", { exact: false }).length).toBeGreaterThan(0);
  await type("  ");
  expect(asked).toHaveBeenCalledTimes(1);
});

it("underlines what is wrong, and says so to who does not see it", async () => {
  told = { type: null, columns: [], problem: { code: "unknown_column", detail: "", position: 0, end: 4, params: { column: "'Dept'", hint: "" } } };
  const { container } = render(<Held />);
  await type("Dept > 3");
  expect(container.querySelector("mark")?.textContent).toBe("Dept");
  expect(container.querySelector("[aria-live]")?.textContent).toBe("At character 1: There is no column 'Dept'.");
  expect(field().getAttribute("aria-invalid")).toBe("true");
});

it("does not call a column unknown where nobody knows the columns yet", async () => {
  told = { type: null, columns: [], problem: { code: "unknown_column", detail: "", position: 0, end: 4, params: { column: "'Dept'", hint: "" } } };
  const { container } = render(<Held isUnsure />);
  await type("Dept > 3");
  expect(container.querySelector("mark")).toBeNull();
  expect(screen.getAllByText(form.expression.columnsUnsure).length).toBeGreaterThan(0);
});

it("refuses a type that the step does not take", async () => {
  told = { type: "int64", columns: [], problem: null };
  render(<Held />);
  await type("1 + 1");
  expect(screen.getAllByText("It gives a whole number; here it must give true or false.").length).toBeGreaterThan(0);
});
