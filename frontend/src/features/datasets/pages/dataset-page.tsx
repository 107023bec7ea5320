import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function DatasetPage() {
  const { t } = useTranslation("datasets");
  return <PageHeader title={t("title")} />;
}
