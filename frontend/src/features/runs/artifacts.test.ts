import { expect, it } from "vitest";
import { artifactRows, kindOfFile, pictureType, prettyJson } from "./artifacts";

const file = (name: string, sha256: string) => ({ id: `${name}-${sha256}`, name, kind: "file" as const, size_bytes: 1, sha256, created_at: "" });

it("sets files of one name beside each other, and says which have the same content", () => {
  const rows = artifactRows([
    { artifacts: [file("model", "a"), file("model", "old"), file("plot.png", "p")] },
    { artifacts: [file("model", "b")] },
    { artifacts: [file("model", "a"), file("plot.png", "p")] },
  ]);
  expect(rows.map(({ name, differs, groups }) => [name, differs, groups])).toEqual([
    ["model", true, [0, 1, 0]],
    ["plot.png", true, [0, undefined, 0]],
  ]);
  expect(artifactRows([{ artifacts: [file("x", "a")] }, { artifacts: [file("x", "a")] }])[0]?.differs).toBe(false);
});

it("knows by its name how a file is shown", () => {
  expect(["a.PNG", "b/c.json", "model/MLmodel", "train.log", "model.onnx"].map(kindOfFile)).toEqual(["image", "json", "text", "text", "other"]);
  expect(["a.PNG", "b.jpg", "c.svg"].map(pictureType)).toEqual(["image/png", "image/jpeg", "image/svg+xml"]);
  expect([prettyJson('{"a":1}'), prettyJson("no json")]).toEqual(['{\n  "a": 1\n}', "no json"]);
});
