import { expect, it } from "vitest";
import { callOf, firstRecord, schemaOf, sentRecord } from "./record";

const signature = {
  model_version: "v",
  inputs: [
    { name: "Income", type: "number" as const, categories: null, typical: 120 },
    { name: "Home", type: "category" as const, categories: ["owner", "rent"], typical: "owner" },
    { name: "Job", type: "category" as const, categories: null, typical: null },
  ],
  label: { column: "Status", classes: ["good", "bad"] },
  example: null as Record<string, string | number | boolean | null> | null,
};

it("asks for each input as training saw it; what has no stand-in is required", () => {
  expect(schemaOf(signature)).toEqual({
    type: "object",
    properties: {
      Income: { type: "number", title: "Income", default: 120 },
      Home: { type: "string", title: "Home", default: "owner", enum: ["owner", "rent"] },
      Job: { type: "string", title: "Job" },
    },
    required: ["Job"],
  });
});

it("begins with a real record, else with what is usual", () => {
  expect(firstRecord(signature)).toEqual({ Income: 120, Home: "owner" });
  expect(firstRecord({ ...signature, example: { Income: 7, Home: null, Job: "fixed" } })).toEqual({ Income: 7, Job: "fixed" });
});

it("sends every input, what was left out as null", () => {
  expect(sentRecord(signature, { Income: 7 })).toEqual({ Income: 7, Home: null, Job: null });
});

it("quotes for a shell", () => {
  expect(callOf("http://x/y", { a: "it's" })).toContain(`it'\\''s`);
});
