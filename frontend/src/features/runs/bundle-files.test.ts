import { describe, expect, it } from "vitest";
import { chosenOf, isZip, ofPicker } from "./bundle-files";

const file = (name: string, path = ""): File => {
  const made = new File(["x"], name);
  Object.defineProperty(made, "webkitRelativePath", { value: path });
  return made;
};

describe("files of a source bundle", () => {
  it("are named below the folder that was chosen", () => {
    const found = ofPicker([file("train.py", "risk/train.py"), file("model.py", "risk/src/model.py"), file("alone.py")]);
    expect(found.map(({ name }) => name)).toEqual(["train.py", "src/model.py", "alone.py"]);
  });

  it("leave out what is never source, a folder once", () => {
    const names = ["b.py", ".git/config", ".git/HEAD", "src/__pycache__/a.pyc", "src/a.py", "node_modules/x/y.js", ".DS_Store"];
    const { files, skipped } = chosenOf(names.map((name) => ({ name, file: file("x") })));
    expect(files.map(({ name }) => name)).toEqual(["b.py", "src/a.py"]);
    expect(skipped).toEqual([".DS_Store", ".git/", "node_modules/", "src/__pycache__/"]);
  });

  it("are an archive where one zip was chosen", () => {
    expect(isZip([file("code.ZIP")])).toBe(true);
    expect(isZip([file("code.zip"), file("a.py")])).toBe(false);
    expect(isZip([file("zip.py")])).toBe(false);
  });
});
