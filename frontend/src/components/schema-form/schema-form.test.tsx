// @vitest-environment happy-dom
import { MantineProvider } from "@mantine/core";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import i18n from "i18next";
import { useState } from "react";
import { initReactI18next } from "react-i18next";
import { afterEach, beforeAll, beforeEach, expect, it, vi } from "vitest";
import common from "@/locale/common.en.json";
import form from "@/locale/form.en.json";
import { initialForm, type JsonSchema } from "./schema";
import { SchemaForm } from "./schema-form";

afterEach(cleanup);

const SCHEMA: JsonSchema = {
  type: "object",
  required: ["rate"],
  properties: {
    rate: { type: "number", title: "Rate", description: "How fast.", exclusiveMinimum: 0, "x-zh-hans": { title: "速率" } },
    markers: { type: "array", title: "Markers", items: { type: "string" }, default: ["", "NA"], "x-input": "texts" },
    numbers: { type: "object", title: "Numbers", additionalProperties: { type: "integer" }, default: { good: 0 } },
  },
};
const seen = vi.fn<(value: Record<string, unknown>) => void>();
const latest = (): Record<string, unknown> => seen.mock.lastCall?.[0] ?? {};

function Held({ errors }: { errors?: Record<string, string[]> }) {
  const [value, setValue] = useState(() => initialForm(SCHEMA));
  const change = (next: Record<string, unknown>): void => {
    seen(next);
    setValue(next);
  };
  return (
    <MantineProvider env="test">
      <SchemaForm schema={SCHEMA} value={value} onChange={change} path="parameters" errors={errors} />
    </MantineProvider>
  );
}

beforeAll(async () => {
  vi.stubGlobal("matchMedia", () => ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }));
  await i18n.use(initReactI18next).init({ lng: "en", resources: { en: { common, form }, zh: { common, form } }, defaultNS: "common" });
});
beforeEach(async () => {
  await i18n.changeLanguage("en");
});

const type = (label: string, text: string) => fireEvent.change(screen.getByLabelText(label, { exact: false }), { target: { value: text } });

it("keeps a number as it is typed, and gives it as a number", () => {
  render(<Held />);
  type("Rate", "1e-4");
  expect(latest().rate).toBe(1e-4);
  expect(screen.getByLabelText<HTMLInputElement>("Rate", { exact: false }).value).toBe("1e-4");
  type("Rate", "");
  expect(latest()).not.toHaveProperty("rate");
});

it("says what is wrong once the field is left", () => {
  render(<Held />);
  type("Rate", "0");
  expect(screen.queryByText("Takes more than 0.")).toBeNull();
  fireEvent.blur(screen.getByLabelText("Rate", { exact: false }));
  expect(screen.getByText("Takes more than 0.")).toBeTruthy();
});

it("shows the server's sentence at its field until that is changed", () => {
  render(<Held errors={{ "parameters.rate": ["Is too quick."] }} />);
  expect(screen.getByText("Is too quick.")).toBeTruthy();
  type("Rate", "0.5");
  expect(screen.queryByText("Is too quick.")).toBeNull();
});

it("keeps the empty text among others", () => {
  render(<Held />);
  const box = screen.getByLabelText<HTMLInputElement>("an empty field, too");
  expect(box.checked).toBe(true);
  fireEvent.click(box);
  expect(latest().markers).toEqual(["NA"]);
});

it("adds, names and removes the rows of a mapping", () => {
  render(<Held />);
  fireEvent.click(screen.getByText("Add"));
  expect(latest().numbers).toEqual({ good: 0 });
  type("Name 2", "bad");
  type("Value of bad", "1");
  expect(latest().numbers).toEqual({ good: 0, bad: 1 });
  type("Name 2", "good");
  expect(screen.getByText("Is there twice.")).toBeTruthy();
  expect(latest().numbers).toEqual({ good: 0 });
  fireEvent.click(screen.getAllByLabelText("Remove good")[1] as Element);
  expect(latest().numbers).toEqual({ good: 0 });
});

it("speaks Chinese where the schema does", async () => {
  render(<Held />);
  await act(() => i18n.changeLanguage("zh"));
  expect(screen.getByLabelText("速率", { exact: false })).toBeTruthy();
});
