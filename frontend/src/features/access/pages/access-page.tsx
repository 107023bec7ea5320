import { useTranslation } from "react-i18next";
import { PageHeader } from "@/components/page-header";

export function AccessPage() {
  const { t } = useTranslation("access");
  return <PageHeader title={t("title")} />;
}
