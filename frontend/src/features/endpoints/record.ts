import type { JsonSchema } from "@/components/schema-form/schema";
import type { components } from "@/api/schema.gen";

type Signature = components["schemas"]["Signature"];
export type Values = Record<string, unknown>;

/** The form of a record: one field for each input; what training filled in may be left out. */
export function schemaOf({ inputs }: Signature): JsonSchema {
  const properties = Object.fromEntries(
    inputs.map((input): [string, JsonSchema] => {
      const hint = input.typical === null ? {} : { default: input.typical };
      if (input.type === "number") return [input.name, { type: "number", title: input.name, ...hint }];
      return [input.name, { type: "string", title: input.name, ...hint, ...(input.categories ? { enum: input.categories } : {}) }];
    }),
  );
  return { type: "object", properties, required: inputs.filter(({ typical }) => typical === null).map(({ name }) => name) };
}

/** What the form begins with: a real record of the held-out data, else what is usual of each input. */
export const firstRecord = ({ inputs, example }: Signature): Values =>
  Object.fromEntries(
    inputs.flatMap(({ name, typical }) => {
      const found = example ? example[name] : typical;
      return found === null || found === undefined ? [] : [[name, found]];
    }),
  );

/** What is sent: an input that was left out is missing, and says so. */
export const sentRecord = ({ inputs }: Signature, record: Readonly<Values>): Values => Object.fromEntries(inputs.map(({ name }) => [name, record[name] ?? null]));

/** For a shell: quotes that end, and a backslash that stays one. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const HEAD = `-H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json"`;

/** Any call that sends JSON, to copy. */
export const callOf = (url: string, body: unknown): string => `curl -X POST ${url} \\\n  ${HEAD} \\\n  -d ${quoted(JSON.stringify(body, null, 2))}`;
