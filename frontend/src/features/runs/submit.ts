import type { components } from "@/api/schema.gen";
import { initialForm, isObject, type JsonSchema } from "@/components/schema-form/schema";
import { lineOf, wordsOf } from "./command";

/** The form of a run: what it begins with, what it sends, what it would do. Pure. */

type Schemas = components["schemas"];
export type RunRequest = Schemas["RunCreateRequest"];
export type RunKinds = Schemas["RunForms"];
export type RunKindName = RunRequest["kind"];
export type Resources = Schemas["ResourcesRequest"];
export type Amount = Schemas["Amount"];

export interface Draft {
  kind: RunKindName;
  experiment: string | undefined;
  name: string;
  dataset_version: string | undefined;
  /** Further versions, by the names with which the job asks for them. */
  inputs: { name: string; dataset_version: string | undefined }[];
  script: string;
  bundle: string | null;
  /** As it is typed: words, quoted where they have blanks. */
  command: string;
  image: string;
  requirements: string;
  variables: { name: string; value: string }[];
  seed: number | null;
  retries: Required<Schemas["RetriesRequest"]>;
  /** By kind, so that a change of mind loses nothing. */
  parameters: Partial<Record<RunKindName, Record<string, unknown>>>;
  resources: Resources;
  time_limit_seconds: number;
  /** Members, each with these resources: so many at least start together. */
  count_min: number;
  count_max: number;
  /** Name of a priority; null: the usual one. */
  priority_class: string | null;
  /** Name of the pool where it runs; null: where the project's work runs. */
  pool: string | null;
  secrets: string[];
  tags: string[];
}

/** A part of the request's schema: `resources.cpu_millis`. */
export function partOf(schema: JsonSchema, path: string): JsonSchema {
  return path.split(".").reduce<JsonSchema>((found, name) => found.properties?.[name] ?? {}, schema);
}

/** An empty form: defaults as the API names them. */
export function freshDraft(kinds: RunKinds): Draft {
  const request = initialForm(kinds.request);
  const first = kinds.kinds[0]?.kind ?? "script";
  return {
    kind: first,
    experiment: undefined,
    name: "",
    dataset_version: undefined,
    inputs: [],
    script: "",
    bundle: null,
    command: "",
    image: "",
    requirements: "",
    variables: [],
    seed: null,
    retries: { ...RETRIES },
    parameters: {},
    resources: { cpu_millis: 1000, memory_bytes: 2 * 2 ** 30, gpus: 0, flavor: "", ...(isObject(request.resources) ? request.resources : {}) },
    time_limit_seconds: typeof request.time_limit_seconds === "number" ? request.time_limit_seconds : 3600,
    count_min: 1,
    count_max: 1,
    priority_class: null,
    pool: null,
    secrets: [],
    tags: [],
  };
}

const RETRIES: Draft["retries"] = { reasons: [], max_attempts: 3, backoff_seconds: 10 };

/** The form of what was asked for before. */
export const draftOf = ({ parameters, command, environment, dataset_version, inputs, retries, ...asked }: Schemas["RunRequest"]): Draft => ({
  ...asked,
  dataset_version: dataset_version ?? undefined,
  inputs,
  command: lineOf(command),
  variables: Object.entries(environment).map(([name, value]) => ({ name, value })),
  retries: { ...RETRIES, ...(retries as Partial<Draft["retries"]>) },
  parameters: { [asked.kind]: parameters },
});

/** The parameters that are sent: those of the kind, or its defaults. */
export const parametersOf = (draft: Draft, kinds: RunKinds): Record<string, unknown> =>
  draft.parameters[draft.kind] ?? initialForm(kindOf(draft, kinds)?.parameters ?? {});

export const kindOf = (draft: Draft, kinds: RunKinds) => kinds.kinds.find(({ kind }) => kind === draft.kind);

/** Fields that say what the kind executes. */
export const takesOf = (draft: Draft, kinds: RunKinds): readonly string[] => kindOf(draft, kinds)?.takes ?? ["script"];

export const needsData = (draft: Draft, kinds: RunKinds): boolean => kindOf(draft, kinds)?.needs_data ?? true;

/** Members that are asked for. */
export function membersOf({ count_min, count_max }: Draft): Required<Pick<RunRequest, "count_min" | "count_max">> {
  return { count_min, count_max: Math.max(count_min, count_max) };
}

/** The body of `POST /runs`. */
export function bodyOf(draft: Draft, kinds: RunKinds): RunRequest {
  const takes = takesOf(draft, kinds);
  const when = (name: "bundle" | "command" | "image" | "requirements", value: unknown) => (takes.includes(name) ? { [name]: value } : {});
  const variables = draft.variables.filter(({ name }) => name.trim());
  return {
    experiment: draft.experiment ?? "",
    name: draft.name.trim(),
    kind: draft.kind,
    script: takes.includes("script") ? draft.script : "",
    image: "",
    requirements: "",
    ...when("bundle", draft.bundle),
    ...when("command", wordsOf(draft.command).words),
    ...when("image", draft.image.trim()),
    ...when("requirements", draft.requirements),
    ...(draft.dataset_version === undefined && !needsData(draft, kinds) ? {} : { dataset_version: draft.dataset_version ?? "" }),
    ...(draft.inputs.length ? { inputs: draft.inputs.map(({ name, dataset_version }) => ({ name: name.trim(), dataset_version: dataset_version ?? "" })) } : {}),
    parameters: parametersOf(draft, kinds),
    ...(variables.length ? { environment: Object.fromEntries(variables.map(({ name, value }) => [name.trim(), value])) } : {}),
    ...(draft.seed === null ? {} : { seed: draft.seed }),
    resources: draft.resources,
    time_limit_seconds: draft.time_limit_seconds,
    ...membersOf(draft),
    ...(draft.priority_class === null ? {} : { priority_class: draft.priority_class }),
    ...(draft.pool === null ? {} : { pool: draft.pool }),
    ...(draft.retries.reasons.length ? { retries: draft.retries } : {}),
    secrets: draft.secrets,
    tags: draft.tags,
  };
}

export type Missing = "experiment" | "name" | "dataset_version" | "script" | "bundle" | "image" | "command" | "inputs";

/** What is missing before the server is worth asking, by field. */
export function missingIn(draft: Draft, kinds: RunKinds): Missing[] {
  const takes = takesOf(draft, kinds);
  const missing: Missing[] = [];
  if (!draft.experiment) missing.push("experiment");
  if (!draft.name.trim()) missing.push("name");
  if (!draft.dataset_version && needsData(draft, kinds)) missing.push("dataset_version");
  if (takes.includes("script") && !draft.script.trim()) missing.push("script");
  if (takes.includes("bundle") && !draft.bundle) missing.push("bundle");
  if (takes.includes("image") && !draft.image.trim()) missing.push("image");
  if (takes.includes("command") && !wordsOf(draft.command).words.length) missing.push("command");
  if (draft.inputs.some(({ name, dataset_version }) => !name.trim() || !dataset_version)) missing.push("inputs");
  return missing;
}

/** For a shell: quotes that end, and a backslash that stays one. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The same as a call of the API. A long script is read from a file instead. */
export function curlOf(body: RunRequest, origin: string): string {
  const { script, ...rest } = body;
  const url = `${origin}/api/v1/runs`;
  const head = `-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"`;
  const json = JSON.stringify(rest, null, 2);
  if (!script) return `curl -X POST ${url} \\\n  ${head} \\\n  -d ${quoted(json)}`;
  return `jq -n --rawfile script train.py ${quoted(`${json} + {"script": $script}`)} |\ncurl -X POST ${url} \\\n  ${head} \\\n  -d @-`;
}

export interface Effect {
  resource: Amount["resource"];
  flavor: string;
  /** What the run would hold. */
  asks: number;
  /** What the project is guaranteed, and what is held of it; null: there is no quota. */
  nominal: number | null;
  /** How much more of what others leave idle; null: all of it. */
  more: number | null;
  reserved: number;
  /**
   * `fits`: now; `borrows`: when others leave it idle; `waits`: when others of the project have ended; `never`: it is more
   * than the quota; `free`: no quota is kept of it.
   */
  verdict: "fits" | "borrows" | "waits" | "never" | "free";
}

/** What the members that start together reserve of each resource, beside the project's quota. */
export function effectsOf(resources: Resources, amounts: readonly Amount[], members = 1): Effect[] {
  const flavor = resources.flavor ?? "";
  const wanted: { resource: Amount["resource"]; flavor: string; asks: number }[] = [
    ...(resources.gpus ? [{ resource: "gpus" as const, flavor: "", asks: resources.gpus }] : []),
    ...(resources.gpus && flavor ? [{ resource: "gpus" as const, flavor, asks: resources.gpus }] : []),
    { resource: "cpu_millis", flavor: "", asks: resources.cpu_millis },
    { resource: "memory_bytes", flavor: "", asks: resources.memory_bytes },
  ];
  return wanted.flatMap(({ resource, flavor: of, asks: each }) => {
    const asks = each * members;
    const amount = amounts.find((one) => one.resource === resource && one.flavor === of);
    // Of one kind of GPU there may be no quota beside that of all.
    if (!amount && of) return [];
    const nominal = amount?.nominal ?? null;
    if (nominal === null && of) return [];
    const reserved = amount?.reserved ?? 0;
    const more = nominal === null ? null : (amount?.borrowing_limit ?? null);
    return [{ resource, flavor: of, asks, nominal, more, reserved, verdict: verdictFor(asks, nominal, more, reserved) }];
  });
}

function verdictFor(asks: number, nominal: number | null, more: number | null, reserved: number): Effect["verdict"] {
  if (nominal === null) return "free";
  const most = more === null ? Number.POSITIVE_INFINITY : nominal + more;
  if (asks > most) return "never";
  if (asks > most - reserved) return "waits";
  return asks > nominal - reserved ? "borrows" : "fits";
}

/** The worst of them: what becomes of the run. */
export function verdictOf(effects: readonly Effect[]): Effect["verdict"] {
  return (["never", "waits", "borrows", "fits"] as const).find((verdict) => effects.some((each) => each.verdict === verdict)) ?? "free";
}
