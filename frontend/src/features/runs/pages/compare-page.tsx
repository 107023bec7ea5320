import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function ComparePage() {
  const { t } = useTranslation("runs");
  return <PageHeader title={t("title")} />;
}
