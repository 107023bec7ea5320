import { useTranslation } from "react-i18next";
import type { Scalar } from "../api";
import { cell } from "../logic/show";

/** A value of the data; what is missing and what is empty look different from any text. */
export function CellText({ value, type = "" }: { value: Scalar | undefined; type?: string | undefined }) {
  const { t } = useTranslation("datasets");
  const text = cell(value, type);
  if (text === null) return <span className="soft">{t("cell.missing")}</span>;
  if (text === "") return <em className="soft">{t("column.emptyText")}</em>;
  return <>{text}</>;
}
