import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function QuotasPage() {
  const { t } = useTranslation("quotas");
  return <PageHeader title={t("title")} />;
}
