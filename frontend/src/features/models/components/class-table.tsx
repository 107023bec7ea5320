import { Table } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import { figure, type Evaluation } from "../measures";
import classes from "./evaluation.module.css";

/** Precision, recall and F1 of each class. */
export function ClassTable({ classes: measured, threshold }: { classes: NonNullable<Evaluation["classes"]>; threshold: number | undefined }) {
  const { t } = useTranslation("models");
  return (
    <section className={classes.card} aria-label={t("evaluation.classes")}>
      <h2>{threshold === undefined ? t("evaluation.classes") : t("evaluation.classesAt", { threshold: figure(threshold) })}</h2>
      <Table.ScrollContainer minWidth={420}>
        <Table aria-label={t("evaluation.classes")}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t("evaluation.class")}</Table.Th>
              {(["precision", "recall", "f1", "rows"] as const).map((name) => (
                <Table.Th key={name} scope="col" className="num">
                  {t(`evaluation.${name}`)}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {measured.map((each) => (
              <Table.Tr key={each.label}>
                <Table.Th scope="row">{each.label}</Table.Th>
                <Table.Td className="num">{figure(each.precision)}</Table.Td>
                <Table.Td className="num">{figure(each.recall)}</Table.Td>
                <Table.Td className="num">{figure(each.f1)}</Table.Td>
                <Table.Td className="num">{count(each.support)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </section>
  );
}
