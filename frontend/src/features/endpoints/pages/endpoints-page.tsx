import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function EndpointsPage() {
  const { t } = useTranslation("endpoints");
  return <PageHeader title={t("title")} />;
}
