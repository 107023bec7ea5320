import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/empty-state";

/** For who has no project yet: how one comes into being. */
export function FirstSteps() {
  const { t } = useTranslation("overview");
  const call = `curl -X POST ${window.location.origin}/api/v1/projects \\\n  -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n  -d '{"name": "my-project", "title": "My project"}'`;
  return <EmptyState text={t("noProjects")} call={call} />;
}
