import { expect, it } from "vitest";
import type { components } from "@/api/schema.gen";
import { inOrder } from "./order";

const cluster = (name: string, healthy: boolean, checked_at: string | null = "2026-03-02T09:30:04Z"): components["schemas"]["Cluster"] => ({ name, healthy, checked_at }) as components["schemas"]["Cluster"];

it("puts first what is not well, and not what nobody has looked at", () => {
  const rows = [cluster("d", true), cluster("b", false), cluster("c", false, null), cluster("a", false)];
  expect(inOrder(rows).map(({ name }) => name)).toEqual(["a", "b", "c", "d"]);
  expect(inOrder([cluster("z", false), cluster("a", true)]).map(({ name }) => name)).toEqual(["z", "a"]);
});
