import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function OverviewPage() {
  const { t } = useTranslation("overview");
  return <PageHeader title={t("title")} />;
}
