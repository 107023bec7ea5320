import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function DatasetsPage() {
  const { t } = useTranslation("datasets");
  return <PageHeader title={t("title")} />;
}
