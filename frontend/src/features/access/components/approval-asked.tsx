import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { amountText } from "@/lib/amounts";
import { quotasQuery, type Approval, type QuotaAsked } from "../api";
import classes from "./access.module.css";

/** What would be done: in words where the command is known, else its arguments as they are. */
export function ApprovalAsked({ approval }: { approval: Approval }) {
  const args = (approval.arguments ?? {}) as Record<string, unknown>;
  if (approval.command === "quota.set") return <QuotaSentence asked={args as unknown as QuotaAsked} isPending={approval.state === "pending"} />;
  if (approval.command === "dataset_version.publish") return <PublishSentence version={String(args.dataset_version)} />;
  if (approval.command === "model_version.use") return <UseSentence version={String(args.model_version)} />;
  return (
    <dl className={classes.arguments}>
      {Object.entries(args).map(([name, value]) => (
        <div key={name} style={{ display: "contents" }}>
          <dt className="mono">{name}</dt>
          <dd className="mono">{typeof value === "string" ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Which version would be published although it fails, with the way to its results. */
function PublishSentence({ version }: { version: string }) {
  const { t } = useTranslation("access");
  return (
    <p>
      {t("approval.publish")}{" "}
      <Link to="/dataset-versions/$versionId" params={{ versionId: version }} search={{ tab: "quality" }}>
        {t("approval.publishResults")}
      </Link>
    </p>
  );
}

/** Which model version would be used although loading it runs code, with the way to what was seen in its files. */
function UseSentence({ version }: { version: string }) {
  const { t } = useTranslation("access");
  return (
    <p>
      {t("approval.use")}{" "}
      <Link to="/model-versions/$versionId" params={{ versionId: version }} search={{ tab: "files" }}>
        {t("approval.useFiles")}
      </Link>
    </p>
  );
}

/** From how much to how much; what it is now is told while somebody may still decide. */
function QuotaSentence({ asked: { queue, resource, flavor, nominal }, isPending }: { asked: QuotaAsked; isPending: boolean }) {
  const { t } = useTranslation("access");
  const quotas = useQuery({ ...quotasQuery(queue ?? ""), enabled: isPending && Boolean(queue) });
  const before = quotas.data?.find((quota) => quota.resource === resource && quota.flavor === flavor)?.nominal ?? 0;
  const what = resource === "gpus" && flavor ? `${t("approval.resource.gpus")} ${flavor}` : t(`approval.resource.${resource}`);
  const wanted = amountText(resource, nominal);
  return (
    <p>
      {isPending && quotas.data ? t("approval.quotaFrom", { what, now: amountText(resource, before), wanted }) : t("approval.quotaTo", { what, wanted })}
    </p>
  );
}
