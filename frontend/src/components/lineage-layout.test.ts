import { expect, it } from "vitest";
import { layersOf, layoutOf } from "./lineage-layout";

const link = (text: string) => ({ from: text.charAt(0), to: text.charAt(1) });

it("puts every node right of what it was made of, sources beside what was made of them", () => {
  // s → a → b → c, and t → c: t is made of nothing, and stands beside c.
  const layers = layersOf([..."sabct"], ["sa", "ab", "bc", "tc"].map(link));
  expect(Object.fromEntries(layers)).toEqual({ s: 0, a: 1, b: 2, c: 3, t: 2 });
});

it("ends with a circle too", () => {
  const layers = layersOf([..."ab"], ["ab", "ba"].map(link));
  expect(Math.max(...layers.values())).toBeLessThan(2);
});

it("bends a long link around the nodes between its ends", () => {
  const layout = layoutOf([..."abc"], ["ab", "bc", "ac"].map(link));
  expect([layout.layers, layout.rows]).toEqual([3, 2]);
  const [, , long] = layout.routes;
  expect(long).toHaveLength(3);
  expect(long?.[1]?.row).not.toBe(layout.places.get("b")?.row);
});

it("orders columns so that links do not cross", () => {
  // Two chains, told in the wrong order.
  const layout = layoutOf([..."abyxqp"], ["ax", "by", "xp", "yq"].map(link));
  const row = (key: string) => layout.places.get(key)?.row ?? NaN;
  expect(Math.sign(row("a") - row("b"))).toBe(Math.sign(row("x") - row("y")));
  expect(Math.sign(row("x") - row("y"))).toBe(Math.sign(row("p") - row("q")));
});

it("takes a node alone, and none", () => {
  expect(layoutOf(["a"], []).places.get("a")).toEqual({ layer: 0, row: 0 });
  expect(layoutOf([], [])).toMatchObject({ layers: 0, rows: 0 });
});
