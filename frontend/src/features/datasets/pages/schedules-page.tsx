import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useCrumbs } from "@/components/breadcrumbs";
import { LinkButton } from "@/components/link-button";
import { PageHeader } from "@/components/page-header";
import { useHasRole, useProject } from "@/lib/permissions";
import { SchedulesTable } from "../components/schedules-table";

/** What is fetched by the clock. */
export function SchedulesPage() {
  const { t } = useTranslation("datasets");
  const project = useProject();
  const mayAsk = useHasRole("editor", project?.id);
  useCrumbs([{ title: t("title"), link: { to: "/datasets" } }, { title: t("tab.schedules") }]);
  const ask = mayAsk ? (
    <LinkButton to="/datasets/fetch" leftSection={<IconDownload size={14} aria-hidden />}>
      {t("fetch.verbLong")}
    </LinkButton>
  ) : undefined;
  return (
    <>
      <PageHeader title={t("tab.schedules")} lead={t("schedule.lead")} actions={ask} />
      <SchedulesTable project={project?.id} mayAsk={mayAsk} />
    </>
  );
}
