import { Button, Select } from "@mantine/core";
import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "@/components/faces";
import { count, percent, value } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { SERIES } from "@/lib/series-colors";
import { createProfile, useWrite, type ProfileTable, type VersionDetail } from "../api";
import { edgeFormat } from "../logic/show";
import classes from "./target-part.module.css";

type Target = NonNullable<ProfileTable["target"]>;
type Evidence = Target["leaks"][number]["evidence"][number];

interface Props {
  version: VersionDetail;
  target: Target | null;
  rows: number;
  /** A profile for another target is under way. */
  isPending: boolean;
}

/** The column that is to be predicted: its classes, and what gives it away. Another can be chosen. */
export function TargetPart({ version, target, rows, isPending }: Props) {
  const { t } = useTranslation("profile");
  return (
    <>
      <Chooser key={target?.name ?? ""} version={version} target={target} isPending={isPending} />
      {target ? <Shown version={version} target={target} rows={rows} /> : <p className="soft">{t("target.none")}</p>}
    </>
  );
}

function Chooser({ version, target, isPending }: Omit<Props, "rows">) {
  const { t } = useTranslation("profile");
  const mayAsk = useHasRole("editor", version.project) && version.state === "published";
  const ask = useWrite(createProfile);
  const [wanted, setWanted] = useState<string | null>(target?.name ?? null);
  if (!mayAsk) {
    return target ? (
      <p className={classes.name}>
        <strong>{target.name}</strong> {target.is_guessed ? <span className="soft">{t("target.guessed")}</span> : null}
      </p>
    ) : null;
  }
  const able = version.schema.filter(({ type }) => type !== "image").map(({ name }) => name);
  return (
    <>
      <div className={classes.chooser}>
        <Select
          label={t("target.choose")}
          description={target?.is_guessed && wanted === target.name ? t("target.guessed") : "\u00a0"}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={able}
          value={wanted}
          searchable
          limit={100}
          allowDeselect={false}
          onChange={setWanted}
          w={240}
        />
        <Button variant="default" loading={ask.isPending || isPending} disabled={wanted === null || wanted === target?.name} onClick={() => wanted !== null && ask.mutate({ version: version.id, target: wanted })}>
          {t("target.ask")}
        </Button>
        {isPending ? (
          <span className="soft" role="status">
            {t("target.pending")}
          </span>
        ) : null}
      </div>
      {ask.error ? <ErrorDetails error={ask.error} /> : null}
    </>
  );
}

function Shown({ version, target, rows }: { version: VersionDetail; target: Target; rows: number }) {
  const { t } = useTranslation("profile");
  return (
    <>
      {target.is_class ? <Classes target={target} /> : <p className="soft">{t("target.number")}</p>}
      <h4 className={classes.head}>{t("target.leaks")}</h4>
      {target.leaks.length ? (
        <ul className={classes.leaks}>
          {target.leaks.map((leak) => {
            const Icon = leak.is_certain ? IconAlertTriangle : IconInfoCircle;
            const type = version.schema.find(({ name }) => name === leak.name)?.type ?? "string";
            return (
              <li key={leak.name} className={classes.leak} data-certain={leak.is_certain || undefined}>
                <div className={classes.leakHead}>
                  <Icon size={15} aria-hidden />
                  <strong className="cut">{leak.name}</strong>
                  <span className={classes.verdict}>{t(leak.is_certain ? "target.certain" : "target.suspect")}</span>
                  <span className={classes.score}>{t(`target.measure.${leak.measure}`, { score: leak.measure === "accuracy_gain" ? percent(leak.score) : value(leak.score, 3) })}</span>
                </div>
                <span className={classes.meter} aria-hidden>
                  <span style={{ width: `${Math.max(0, leak.score) * 100}%` }} />
                </span>
                {leak.evidence.map((each, index) => (
                  <Peek key={index} evidence={each} type={type} />
                ))}
              </li>
            );
          })}
        </ul>
      ) : (
        <p className="soft">{t("target.noLeaks")}</p>
      )}
      <p className={classes.note}>{t("target.explained", { n: count(rows) })}</p>
    </>
  );
}

function Peek({ evidence, type }: { evidence: Evidence; type: string }) {
  const { t } = useTranslation("profile");
  const { low, high, value: said } = evidence;
  const format = edgeFormat(type, [low ?? 0, high ?? low ?? 0]);
  let where: string;
  if (said !== null) where = String(said);
  else if (low !== null && high !== null) where = t("target.where.between", { low: format(low), high: format(high) });
  else if (high !== null) where = t("target.where.below", { high: format(high) });
  else where = low !== null ? t("target.where.above", { low: format(low) }) : t("target.where.missing");
  return <p className={classes.peek}>{t("target.evidence", { where, share: percent(evidence.share), rows: t("bars.rows", { count: evidence.rows, n: count(evidence.rows) }), class: String(evidence.class) })}</p>;
}

function Classes({ target }: { target: Target }) {
  const { t } = useTranslation("profile");
  return (
    <>
      <div className={classes.balance} aria-hidden>
        {target.classes.map((each, index) => (
          <span key={String(each.value)} style={{ flexGrow: each.ratio, background: SERIES[index % SERIES.length] }} title={`${String(each.value)}: ${count(each.count)}`} />
        ))}
      </div>
      <ul className={classes.classes} aria-label={t("target.classes", { name: target.name })}>
        {target.classes.map((each, index) => (
          <li key={String(each.value)}>
            <span className={classes.swatch} style={{ background: SERIES[index % SERIES.length] }} aria-hidden />
            <span className="cut">{String(each.value)}</span>
            <span className={classes.figure}>
              {percent(each.ratio)} · {count(each.count)}
            </span>
          </li>
        ))}
      </ul>
    </>
  );
}
