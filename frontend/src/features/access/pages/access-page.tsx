import { Tabs } from "@mantine/core";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { useCrumbs } from "@/components/breadcrumbs";
import { PageHeader } from "@/components/page-header";
import { Approvals } from "../components/approvals";
import { AuditTrail } from "../components/audit-trail";
import { Members } from "../components/members";
import { Secrets } from "../components/secrets";
import { Tokens } from "../components/tokens";

const TABS = ["members", "approvals", "tokens", "secrets", "audit"] as const;

/** Who may do what, what waits for a decision, and who did what. */
export function AccessPage() {
  const { t } = useTranslation("access");
  const search = useSearch({ from: "/access" });
  const navigate = useNavigate();
  const tab = search.tab ?? "members";
  useCrumbs([{ title: t("title") }]);
  return (
    <>
      <PageHeader title={t("title")} lead={<span>{t("lead")}</span>} />
      <Tabs value={tab} onChange={(value) => void navigate({ to: "/access", search: { tab: TABS.find((each) => each === value) } })} keepMounted={false}>
        <Tabs.List mb={16}>
          {TABS.map((each) => (
            <Tabs.Tab key={each} value={each}>
              {t(`tab.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="members">
          <Members />
        </Tabs.Panel>
        <Tabs.Panel value="approvals">
          <Approvals />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <Tokens />
        </Tabs.Panel>
        <Tabs.Panel value="secrets">
          <Secrets />
        </Tabs.Panel>
        <Tabs.Panel value="audit">
          <AuditTrail />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}
