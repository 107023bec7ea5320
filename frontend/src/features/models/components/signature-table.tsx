import { Table, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { NONE } from "@/lib/format";
import type { Signature } from "../api";

const shown = (each: unknown): string => (each === null || each === undefined ? NONE : typeof each === "string" ? each : JSON.stringify(each));

/** What the model takes and what it answers. */
export function SignatureTable({ signature }: { signature: Signature }) {
  const { t } = useTranslation("models");
  const { inputs, label, example } = signature;
  return (
    <section aria-label={t("tab.signature")}>
      {label ? (
        <Text mb="sm">
          {t("signature.predicts", { column: label.column, positive: label.classes.at(-1), others: label.classes.slice(0, -1).join(", ") })}
        </Text>
      ) : null}
      <Table.ScrollContainer minWidth={560} className="surface">
        <Table aria-label={t("signature.inputs")}>
          <Table.Thead>
            <Table.Tr>
              {(["input", "type", "values", "typical"] as const).map((name) => (
                <Table.Th key={name} scope="col">
                  {t(`signature.${name}`)}
                </Table.Th>
              ))}
              {example ? <Table.Th scope="col">{t("signature.example")}</Table.Th> : null}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {inputs.map((input) => (
              <Table.Tr key={input.name}>
                <Table.Th scope="row">{input.name}</Table.Th>
                <Table.Td>{t(`signature.kind.${input.type}`)}</Table.Td>
                <Table.Td className="soft" data-said={input.categories ? true : undefined}>{input.categories?.join(", ") ?? t(input.type === "number" ? "signature.anyNumber" : "signature.anyText")}</Table.Td>
                <Table.Td data-said>{shown(input.typical)}</Table.Td>
                {example ? <Table.Td data-said>{shown(example[input.name])}</Table.Td> : null}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </section>
  );
}
