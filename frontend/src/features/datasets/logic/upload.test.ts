// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { nameFrom, Pace, refusal } from "./upload";

it("makes a dataset's name of a file's", () => {
  expect(nameFrom("Élan data 2025.csv")).toBe("elan-data-2025");
  expect(nameFrom("__Loans (final).v2.parquet")).toBe("loans-final-v2");
  expect(nameFrom("贷款.csv")).toBe("");
  expect(nameFrom(`${"a".repeat(59)}-b.csv`)).toBe("a".repeat(59));
});

it("tells pace and what is left from the last seconds only", () => {
  const pace = new Pace();
  pace.note(0, 0);
  expect([pace.rate(), pace.left(100)]).toEqual([null, null]);
  pace.note(1_000, 500);
  expect([pace.rate(), pace.left(2_500)]).toEqual([500, 4]);
  // Ten seconds later it is slower: the quick beginning no longer counts.
  pace.note(10_000, 600);
  pace.note(12_000, 800);
  expect([pace.rate(), pace.left(900)]).toEqual([100, 1]);
});

it("keeps the server's words, and says something where an answer is none of ours", () => {
  const told = refusal(413, JSON.stringify({ code: "too_large", detail: "At most 2 GiB.", request_id: "r1", fields: { file: ["is too large"] } }));
  expect([told.status, told.code, told.message, told.requestId, told.fields.file]).toEqual([413, "too_large", "At most 2 GiB.", "r1", ["is too large"]]);
  expect(refusal(502, "<html>").isUnreachable).toBe(true);
});
