// @vitest-environment happy-dom
import { expect, it } from "vitest";
import { stagesOf } from "./lineage-trail";

type Graph = Parameters<typeof stagesOf>[0];
const node = (kind: string, id: string, parent: string | null = null): Graph["nodes"][number] =>
  ({ kind, id, parent_id: parent, name: id, number: 1, is_hidden: false }) as Graph["nodes"][number];

it("shows the data that was trained on, and an endpoint once for all its revisions", () => {
  const nodes = [node("run", "r"), node("dataset_version", "raw"), node("dataset_version", "clean"), node("revision", "one", "e"), node("revision", "two", "e")];
  const edges = [{ from_kind: "run", from_id: "r", to_kind: "dataset_version", to_id: "clean", relation: "trained_on" }] as Graph["edges"];
  expect(stagesOf({ nodes, edges }).map((stage) => stage.map(({ id }) => id))).toEqual([["clean"], ["r"], [], ["two"]]);
});
