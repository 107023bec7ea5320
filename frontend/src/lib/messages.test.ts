import i18next from "i18next";
import { describe, expect, it } from "vitest";
import catalog from "@/i18n/messages.catalog.json";
import en from "@/locale/messages.en.json";
import zh from "@/locale/messages.zh.json";
import { sentence, type MessagePart } from "./messages";

const entries = Object.entries(catalog) as [string, { text: string; params: Record<string, string> }][];
const holes = (text: string): string[] => [...text.matchAll(/\{\{(\w+)\}\}/g)].map((found) => found[1] ?? "").sort();
const distinct = (names: string[]): string[] => [...new Set(names)];

async function speaker(language: "en" | "zh") {
  const instance = i18next.createInstance();
  await instance.init({ lng: language, ns: ["messages"], defaultNS: "messages", resources: { en: { messages: en }, zh: { messages: zh } }, interpolation: { escapeValue: false } });
  return instance.getFixedT(language, "messages");
}

describe.each([
  ["en", en as Record<string, unknown>],
  ["zh", zh as Record<string, unknown>],
])("the sentences of the control plane in %s", (_, words) => {
  it.each(entries)("has %s with its parameters", (code, { params }) => {
    expect(typeof words[code]).toBe("string");
    expect(distinct(holes(String(words[code])))).toEqual(Object.keys(params).sort());
  });

  it("has no sentence that the control plane does not say", () => {
    expect(Object.keys(words).filter((key) => key !== "part" && !(key in catalog))).toEqual([]);
  });
});

describe("sentence", () => {
  const waiting: MessagePart = {
    code: "wait_quota_used",
    params: { project: "vision", quota: [{ resource: "gpus", value: 4, flavor: "H200" }, { resource: "cpu_millis", value: 1000, flavor: "" }], by: 2, first: true },
  };

  it("says amounts, counts and places", async () => {
    expect(sentence(await speaker("en"), waiting)).toBe("Waiting: project vision's quota of 4 × H200 and 1 core is used by 2 workloads; first in queue.");
    expect(sentence(await speaker("zh"), waiting)).toBe("排队中：项目 vision 的配额（4 × H200 和 1 核）已被 2 个任务用完；已排在队首。");
  });

  it("says parts of a GPU", async () => {
    const part: MessagePart = { code: "wait_borrowed", params: { holder: "team-vision", amount: [{ resource: "gpus", value: 0.25, flavor: "H200" }] } };
    expect(sentence(await speaker("en"), part)).toBe("To start it, 0.25 × H200 of what team-vision has borrowed must be given back.");
    expect(sentence(await speaker("zh"), part)).toBe("要启动它，team-vision 须归还所借用的 0.25 × H200。");
  });

  it("says a line of a file in the reader's language", async () => {
    const twice: MessagePart = { code: "data_columns_same", params: { first: 1, second: 2, name: "a", file: "line 1 of dup.csv" } };
    expect(sentence(await speaker("zh"), twice)).toBe("dup.csv 第 1 行 的第 1 列和第 2 列都名为“a”。");
    expect(sentence(await speaker("zh"), { ...twice, params: { ...twice.params, file: "loans.parquet" } })).toBe("loans.parquet 的第 1 列和第 2 列都名为“a”。");
  });

  it("shows what others said as it is", async () => {
    expect(sentence(await speaker("zh"), { code: "said", params: { text: "{{CUDA}} error & more" } })).toBe("{{CUDA}} error & more");
  });
});
