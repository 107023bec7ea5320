import type { TFunction } from "i18next";
import type { components } from "@/api/schema.gen";
import catalog from "@/i18n/messages.catalog.json";
import { bytes, count, moment, value } from "./format";

export type MessagePart = components["schemas"]["StateMessagePart"];
type Amount = components["schemas"]["StateMessageAmount"];
type Param = MessagePart["params"][string];
type Say = (key: string, options?: Record<string, unknown>) => string;

/** Code of what somebody else said: a program, a backend, a comment. It is shown as it is. */
export const SAID = "said";

const KINDS = catalog as Readonly<Record<string, { params: Readonly<Record<string, string>> }>>;

/** One sentence of the control plane in the reader's language. */
export function sentence(t: TFunction<"messages">, part: MessagePart): string {
  const say = t as unknown as Say;
  const kinds = KINDS[part.code]?.params ?? {};
  const said = Object.entries(part.params).map(([name, param]) => [name, paramText(say, kinds[name] ?? "text", param)] as const);
  return say(part.code, Object.fromEntries(said));
}

/** All sentences of a detail as one text, for where no element can stand. */
export function messageText(t: TFunction<"messages">, message: readonly MessagePart[]): string {
  return message.map((part) => sentence(t, part)).join(" ");
}

function paramText(say: Say, kind: string, param: Param): string {
  switch (kind) {
    case "amounts":
      return Array.isArray(param) ? joined(say, (param as Amount[]).map((amount) => amountText(say, amount))) : plain(param);
    case "names":
      return Array.isArray(param) ? (param as string[]).join(say("part.comma")) : plain(param);
    case "bytes":
      return bytes(Number(param));
    case "number":
      return count(Number(param));
    case "time":
      return moment(plain(param));
    case "members":
    case "workloads":
      return say(`part.${kind}`, { count: Number(param) });
    case "first":
      return say(param ? "part.first" : "part.notFirst");
    case "place":
      return placeText(say, plain(param));
    case "often":
      return param ? say("part.often") : "";
    default:
      return plain(param);
  }
}

/** A file, or a line of one: `line 1 of loans.csv`. */
function placeText(say: Say, place: string): string {
  const [, line, file] = /^line (\d+) of (.+)$/s.exec(place) ?? [];
  return line && file ? say("part.lineOf", { line: count(Number(line)), file }) : place;
}

const plain = (param: Param): string => (typeof param === "string" ? param : JSON.stringify(param));

/** An amount in the reader's words: `2 × H200`, `1.5 cores`, `4 GiB of memory`. */
export const quantityText = (t: TFunction<"messages">, amount: Amount): string => amountText(t as unknown as Say, amount);

function amountText(say: Say, { resource, value: amount, flavor }: Amount): string {
  if (resource === "cpu_millis") return say("part.cores", { count: amount === 1000 ? 1 : 2, value: value(amount / 1000, 3) });
  if (resource === "memory_bytes") return say("part.memory", { value: bytes(amount) });
  return `${value(amount, 3)} × ${flavor || say("part.gpu")}`;
}

function joined(say: Say, texts: string[]): string {
  const last = texts.at(-1) ?? "";
  return texts.length < 2 ? last : `${texts.slice(0, -1).join(say("part.comma"))}${say("part.and")}${last}`;
}
