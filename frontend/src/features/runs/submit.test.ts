import { describe, expect, it } from "vitest";
import { bodyOf, curlOf, draftOf, effectsOf, freshDraft, missingIn, partOf, verdictOf, type Amount, type RunKinds } from "./submit";

const words = { title: "", description: "" };
const kinds = {
  kinds: [
    { kind: "tabular_classifier", ...words, "x-zh-hans": words, takes_script: false, takes: [], needs_data: true, parameters: { type: "object", properties: { epochs: { type: "integer", default: 15 } } } },
    { kind: "script", ...words, "x-zh-hans": words, takes_script: true, takes: ["script"], needs_data: true, parameters: { type: "object", additionalProperties: true, properties: {} } },
    { kind: "bundle", ...words, "x-zh-hans": words, takes_script: false, takes: ["bundle", "command", "requirements"], needs_data: false, parameters: { type: "object", additionalProperties: true, properties: {} } },
  ],
  request: {
    type: "object",
    required: ["name", "resources"],
    properties: {
      name: { type: "string" },
      resources: { type: "object", properties: { cpu_millis: { type: "integer", default: 500, maximum: 9 } } },
      time_limit_seconds: { type: "integer", default: 600 },
    },
  },
} as unknown as RunKinds;

describe("a run's form", () => {
  it("names a priority only where one was chosen", () => {
    const draft = freshDraft(kinds);
    expect("priority_class" in bodyOf(draft, kinds)).toBe(false);
    expect(bodyOf({ ...draft, priority_class: "low" }, kinds).priority_class).toBe("low");
  });

  it("names a pool only where one was chosen, and opens again with it", () => {
    const draft = freshDraft(kinds);
    expect("pool" in bodyOf(draft, kinds)).toBe(false);
    const body = bodyOf({ ...draft, pool: "lab" }, kinds);
    expect(body.pool).toBe("lab");
    expect(bodyOf(draftOf({ ...body, command: [], environment: {}, inputs: [], retries: {} } as never), kinds).pool).toBe("lab");
  });

  it("begins with what the API names", () => {
    const draft = freshDraft(kinds);
    expect([draft.kind, draft.resources.cpu_millis, draft.time_limit_seconds]).toEqual(["tabular_classifier", 500, 600]);
    expect(draft.resources.memory_bytes).toBe(2_147_483_648);
    expect(bodyOf(draft, kinds).parameters).toEqual({ epochs: 15 });
    expect(partOf(kinds.request, "resources.cpu_millis").maximum).toBe(9);
    expect(partOf(kinds.request, "nothing.here")).toEqual({});
  });

  it("says what is missing, the script only of what takes one", () => {
    const draft = freshDraft(kinds);
    expect(missingIn(draft, kinds)).toEqual(["experiment", "name", "dataset_version"]);
    expect(missingIn({ ...draft, kind: "script" }, kinds)).toContain("script");
  });

  it("repeats what was asked for, and loses nothing when the kind is changed", () => {
    const asked = { ...bodyOf(freshDraft(kinds), kinds), kind: "script", script: "print()", parameters: { lr: 1 }, command: [], environment: {}, inputs: [], retries: {}, seed: null, bundle: null } as never;
    const draft = draftOf(asked);
    expect(bodyOf(draft, kinds)).toMatchObject({ kind: "script", script: "print()", parameters: { lr: 1 } });
    expect(bodyOf({ ...draft, kind: "tabular_classifier" }, kinds)).toMatchObject({ script: "", parameters: { epochs: 15 } });
    expect(bodyOf({ ...draft, kind: "tabular_classifier" }, kinds).name).toBe("");
  });

  it("sends the words of a command, and of what belongs to another kind nothing", () => {
    const draft = { ...freshDraft(kinds), kind: "bundle" as const, bundle: "b1", command: `python train.py "a b"`, requirements: "x==1\n", script: "print()", image: "x" };
    const body = bodyOf(draft, kinds);
    expect(body).toMatchObject({ kind: "bundle", bundle: "b1", command: ["python", "train.py", "a b"], requirements: "x==1\n", script: "", image: "" });
    expect("dataset_version" in body).toBe(false);
    const script = bodyOf({ ...draft, kind: "script" }, kinds);
    expect(["bundle", "command"].filter((name) => name in script)).toEqual([]);
    expect(script).toMatchObject({ script: "print()", requirements: "" });
  });

  it("sends variables, a seed, retries and further versions only where there are some", () => {
    const draft = { ...freshDraft(kinds), kind: "bundle" as const };
    const absent = ["environment", "seed", "retries", "inputs"];
    expect(absent.filter((name) => name in bodyOf(draft, kinds))).toEqual([]);
    const body = bodyOf(
      {
        ...draft,
        variables: [{ name: " MODE ", value: "a b" }, { name: "", value: "x" }],
        seed: 0,
        retries: { reasons: ["lost"], max_attempts: 2, backoff_seconds: 5 },
        inputs: [{ name: "holdout", dataset_version: "v2" }],
      },
      kinds,
    );
    expect(body).toMatchObject({ environment: { MODE: "a b" }, seed: 0, retries: { reasons: ["lost"], max_attempts: 2, backoff_seconds: 5 }, inputs: [{ name: "holdout", dataset_version: "v2" }] });
  });

  it("says what a bundle misses, and opens again as it was asked for", () => {
    const draft = { ...freshDraft(kinds), kind: "bundle" as const, inputs: [{ name: "", dataset_version: undefined }] };
    expect(missingIn(draft, kinds)).toEqual(["experiment", "name", "bundle", "command", "inputs"]);
    const asked = {
      ...bodyOf({ ...draft, experiment: "e", name: "n", bundle: "b", command: "sh -c 'a b'", inputs: [] }, kinds),
      dataset_version: null, inputs: [], environment: { A: "1" }, seed: null, retries: {}, priority_class: null,
    } as never;
    const again = draftOf(asked);
    expect(again).toMatchObject({ command: "sh -c 'a b'", variables: [{ name: "A", value: "1" }], dataset_version: undefined, retries: { reasons: [], max_attempts: 3, backoff_seconds: 10 } });
    expect(bodyOf(again, kinds).command).toEqual(["sh", "-c", "a b"]);
  });

  it("asks for members of a script only, and never for fewer at most than at least", () => {
    const draft = { ...freshDraft(kinds), count_min: 3, count_max: 2 };
    expect(bodyOf(draft, kinds)).toMatchObject({ kind: "tabular_classifier", count_min: 3, count_max: 3 });
    expect(bodyOf({ ...draft, kind: "script" }, kinds)).toMatchObject({ count_min: 3, count_max: 3 });
  });

  it("is a call that a shell takes as it stands", () => {
    const body = { ...bodyOf(freshDraft(kinds), kinds), name: "it's" };
    expect(curlOf(body, "http://x")).toContain(`"name": "it'\\''s"`);
    expect(curlOf(body, "http://x")).not.toContain('"script"');
    expect(curlOf({ ...body, script: "print()" }, "http://x")).toContain("--rawfile script train.py");
  });
});

describe("what it would do", () => {
  const amounts: Amount[] = [
    { resource: "cpu_millis", flavor: "", nominal: 2000, borrowing_limit: 0, reserved: 1500, used: 1500 },
    { resource: "memory_bytes", flavor: "", nominal: null, borrowing_limit: null, reserved: 5, used: 5 },
    { resource: "gpus", flavor: "", nominal: 4, borrowing_limit: 0, reserved: 1, used: 1 },
    { resource: "gpus", flavor: "H200", nominal: 1, borrowing_limit: 0, reserved: 1, used: 0 },
    { resource: "gpus", flavor: "H100", nominal: null, borrowing_limit: null, reserved: 1, used: 0 },
  ];
  const asks = (cpu: number, gpus = 0, flavor = "") => effectsOf({ cpu_millis: cpu, memory_bytes: 10, gpus, flavor }, amounts);

  it("fits, waits or can never be", () => {
    expect(verdictOf(asks(500))).toBe("fits");
    expect(verdictOf(asks(501))).toBe("waits");
    expect(verdictOf(asks(2001))).toBe("never");
    expect(verdictOf(effectsOf({ cpu_millis: 1, memory_bytes: 1, gpus: 0, flavor: "" }, []))).toBe("free");
  });

  it("borrows what others leave idle, as far as it may", () => {
    const of = (borrowing_limit: number | null, reserved = 1) =>
      verdictOf(effectsOf({ cpu_millis: 3, memory_bytes: 0, gpus: 0, flavor: "" }, [{ resource: "cpu_millis", flavor: "", nominal: 2, borrowing_limit, reserved, used: 0 }]));
    expect([of(null), of(2), of(1), of(0), of(null, 99)]).toEqual(["borrows", "borrows", "waits", "never", "borrows"]);
  });

  it("counts the members that start together", () => {
    const two = effectsOf({ cpu_millis: 300, memory_bytes: 10, gpus: 0, flavor: "" }, amounts, 2);
    expect(two.find(({ resource }) => resource === "cpu_millis")).toMatchObject({ asks: 600, verdict: "waits" });
  });

  it("counts a kind of GPU beside all of them where it has a quota", () => {
    expect(asks(1, 1, "H200").filter(({ resource }) => resource === "gpus").map(({ verdict }) => verdict)).toEqual(["fits", "waits"]);
    expect(asks(1, 1, "H100").filter(({ resource }) => resource === "gpus")).toHaveLength(1);
  });
});
