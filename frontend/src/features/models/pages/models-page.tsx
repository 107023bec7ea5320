import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function ModelsPage() {
  const { t } = useTranslation("models");
  return <PageHeader title={t("title")} />;
}
