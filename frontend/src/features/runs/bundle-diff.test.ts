import { expect, it } from "vitest";
import { byFolder, changedFiles, shortName } from "./bundle-diff";

const file = (name: string, sha256 = "a", is_executable = false) => ({ name, size_bytes: 1, sha256, is_executable });

it("says which files of two folders differ, and how many do not", () => {
  const { files, same } = changedFiles(
    [file("train.py"), file("src/model.py"), file("run.sh"), file("old.py"), file("same.py")],
    [file("train.py", "b"), file("src/model.py", "c"), file("run.sh", "a", true), file("src/new.py"), file("same.py")],
  );
  expect(files.map(({ name, change }) => [name, change])).toEqual([
    ["old.py", "removed"],
    ["run.sh", "mode"],
    ["src/model.py", "changed"],
    ["src/new.py", "added"],
    ["train.py", "changed"],
  ]);
  expect(same).toBe(1);
  expect(byFolder(files).map(({ path, files: some }) => [path, some.map(({ name }) => shortName(name))])).toEqual([
    ["", ["old.py", "run.sh", "train.py"]],
    ["src", ["model.py", "new.py"]],
  ]);
});
