import { expect, it } from "vitest";
import { withNotes } from "./notes";

const page = { total: 2, rows: [{ id: "a", notes: "" }, { id: "b", notes: "old" }] };

it("shows at once what was written, as a row has it", () => {
  const next = withNotes(page, "b", `  ${"字".repeat(250)}\n`);
  expect(next.rows[1]).toEqual({ id: "b", notes: "字".repeat(200) });
  expect(next.rows[0]).toBe(page.rows[0]);
  expect(page.rows[1]!.notes).toBe("old");
});

it("leaves pages alone that do not have the run", () => {
  expect(withNotes(page, "c", "x")).toBe(page);
});
