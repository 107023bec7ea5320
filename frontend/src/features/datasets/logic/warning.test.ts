import type { TFunction } from "i18next";
import { expect, it } from "vitest";
import { warningSaid } from "./warning";

const t = ((key: string, options?: object) => `${key} ${JSON.stringify(options ?? {})}`) as unknown as TFunction<"datasets">;
const told = (code: string, params?: Record<string, unknown>, column = "y") => warningSaid(t, { code, column, detail: "in English", ...(params ? { params } : {}) });

it("says what the figures of a warning are", () => {
  expect(told("zero_spread", { quartile: "0" })).toBe('said.quartile {"quartile":"0"}');
  expect(told("zero_spread", { value: "3" })).toBe('said.value {"value":"3"}');
  expect(told("unseen_category", { rows: 2 })).toBe('said.unseen {"count":2,"n":"2"}');
  expect(told("zero_spread", { most: "3" })).toBe('said.most {"value":"3"}');
  expect(told("not_converted", { rows: 2 })).toBe('said.rows {"count":2,"n":"2"}');
  expect(told("not_served", {})).toBe("said.notServed {}");
  expect(told("fitted_without_split", {}, "")).toBe("said.noSplit {}");
  expect(told("class_not_split", { rows: 4, side: "test", value: "a" })).toContain('"value":"a"');
  expect(told("class_not_split", { rows: 4, side: "training", value: "" })).toContain('"value":"cell.missing {}"');
  expect(told("class_not_split", { rows: 4, side: "training", value: "" }, "")).toContain("said.side");
});

it("leaves to the report what it does not know", () => {
  expect(told("zero_spread")).toBeNull();
  expect(told("of_tomorrow", { rows: 1 })).toBeNull();
});
