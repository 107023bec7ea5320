import { describe, expect, it } from "vitest";
import { grouped, moved, PINNED, PLAIN, toggleFold, togglePin } from "./curve-order";

const KEYS = ["train/loss", "validation/auc", "lr", "train/accuracy", "validation/loss"];

describe("curves in groups", () => {
  it("go by prefix and name", () => {
    expect(grouped(KEYS, PLAIN)).toEqual([
      { name: "train", keys: ["train/accuracy", "train/loss"] },
      { name: "validation", keys: ["validation/auc", "validation/loss"] },
      { name: "", keys: ["lr"] },
    ]);
  });

  it("show the pinned ones first, once, and not what is not there", () => {
    const groups = grouped(KEYS, { ...PLAIN, pinned: ["validation/auc", "gone", "lr"] });
    expect(groups[0]).toEqual({ name: PINNED, keys: ["validation/auc", "lr"] });
    expect(groups.flatMap(({ keys }) => keys).filter((key) => key === "lr")).toHaveLength(1);
  });

  it("stay where the reader has put them, also when others come", () => {
    const [train] = grouped(KEYS, PLAIN);
    const arrangement = moved(PLAIN, train!, "train/loss", 0);
    expect(grouped([...KEYS, "train/aardvark"], arrangement)[0]!.keys).toEqual(["train/loss", "train/accuracy", "train/aardvark"]);
  });

  it("do not move beyond the ends", () => {
    const [train] = grouped(KEYS, PLAIN);
    expect(moved(PLAIN, train!, "train/loss", 9).order).toEqual(["train/accuracy", "train/loss"]);
    expect(moved(PLAIN, train!, "train/loss", -1).order).toEqual(["train/loss", "train/accuracy"]);
  });

  it("move among the pinned ones", () => {
    const pinned = { ...PLAIN, pinned: ["lr", "elsewhere", "train/loss"] };
    const [group] = grouped(KEYS, pinned);
    expect(moved(pinned, group!, "train/loss", 0).pinned).toEqual(["train/loss", "lr", "elsewhere"]);
  });
});

it("pins and folds, and undoes it", () => {
  expect(togglePin(togglePin(PLAIN, "lr"), "lr")).toEqual(PLAIN);
  expect(toggleFold(toggleFold(PLAIN, "train"), "train")).toEqual(PLAIN);
});
