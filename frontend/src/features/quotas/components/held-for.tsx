import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { holdsQuery } from "../api";

/** The version for which something is held back, to its results. One request for all of a page. */
export function HeldFor({ workload }: { workload: string }) {
  const { t } = useTranslation("quotas");
  const hold = useQuery(holdsQuery()).data?.find((one) => one.workload === workload && one.settled_at === null);
  if (!hold) return null;
  return (
    <>
      {" "}
      <Link to="/dataset-versions/$versionId" params={{ versionId: hold.version }} search={{ tab: "quality" }}>
        {t("queue.heldFor", { dataset: hold.dataset_name, number: hold.version_number })}
      </Link>
    </>
  );
}
