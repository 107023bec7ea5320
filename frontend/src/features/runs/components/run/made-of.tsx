import { Spoiler } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import type { Run } from "../../api";
import { provenanceQuery, type Provenance } from "../../api-source";
import { lineOf } from "../../command";
import { Facts, Pairs } from "./run-facts";

/** What a run was made of, so that it can be made again; and how the environment of a repetition differed. */
export function MadeOf({ run }: { run: Run }) {
  const { t } = useTranslation(["runs", "states"]);
  const found = useQuery(provenanceQuery(run.id)).data;
  if (!found || run.kind === "tracked") return null;
  const variables = Object.entries(run.environment);
  const reasons = run.retries.reasons ?? [];
  const words = reasons.map((reason) => t(`reason.${reason}` as "reason.lost", { ns: "states" })).join(", ");
  const pairs: [string, ReactNode][] = [
    [t("provenance.script"), found.script_sha256 && <Digest key="script" text={found.script_sha256} />],
    [
      t("provenance.source"),
      found.bundle && (
        <span key="source">
          <Digest text={found.bundle_sha256} />{" "}
          <a href={`/api/v1/source-bundles/${found.bundle}/download`} download>
            {t("provenance.download")}
          </a>
        </span>
      ),
    ],
    [t("provenance.image"), run.image && <span className="mono">{run.image}</span>],
    [
      t("provenance.imageSeen"),
      Boolean(run.image) && found.images_seen.length > 0 && (
        <span key="seen" className="mono" data-said>
          {found.images_seen.join(", ")}
        </span>
      ),
    ],
    [t("provenance.commit"), found.git_commit && <Digest key="commit" text={found.git_commit} />],
    [t("provenance.command"), run.command.length ? <span className="mono">{lineOf(run.command)}</span> : ""],
    [t("provenance.lock"), found.lock_sha256 && <Digest key="lock" text={found.lock_sha256} />],
    [t("provenance.seed"), found.seed === null ? "" : <span className="mono">{found.seed}</span>],
    ...found.inputs.filter(({ name }) => name !== "data").map((input): [string, ReactNode] => [`${t("provenance.inputs")}: ${input.name}`, <Version key={input.name} input={input} />]),
    [t("provenance.variables"), variables.length ? <span className="mono">{variables.map(([name, value]) => `${name}=${value}`).join(" ")}</span> : ""],
    [t("provenance.retries"), reasons.length ? t("provenance.retriesOf", { reasons: words, n: count(run.retries.max_attempts ?? 1) }) : ""],
    [
      t("provenance.repeats"),
      found.repeats && (
        <Link key="repeats" to="/runs/$runId" params={{ runId: found.repeats }}>
          {found.repeats_name}
        </Link>
      ),
    ],
  ];
  const shown = pairs.filter(([, what]) => Boolean(what));
  if (!shown.length) return null;
  return (
    <Facts title={t("provenance.title")}>
      <Pairs pairs={shown} />
      {found.repeats ? <Differences found={found} /> : null}
    </Facts>
  );
}

function Digest({ text }: { text: string }) {
  return (
    <code title={text} data-said>
      {text.slice(0, 12)}
    </code>
  );
}

function Version({ input }: { input: Provenance["inputs"][number] }) {
  return (
    <Link to="/dataset-versions/$versionId" params={{ versionId: input.dataset_version }}>
      {input.dataset_name} v{input.dataset_version_number}
    </Link>
  );
}

function Differences({ found }: { found: Provenance }) {
  const { t } = useTranslation("runs");
  const name = found.repeats_name;
  if (found.differences === null) return <p className="soft">{t("provenance.notYet")}</p>;
  if (!found.differences.length) return <p>{t("provenance.same", { name })}</p>;
  const said = (value: unknown): string => (value === null || value === undefined ? t("provenance.absent") : typeof value === "string" ? value : JSON.stringify(value));
  return (
    <Spoiler maxHeight={0} showLabel={`${t("provenance.differs", { name })} (${count(found.differences.length)})`} hideLabel={t("environment.fewer")} fz="sm">
      <Pairs pairs={found.differences.map(({ what, before, after }) => [what, `${said(before)} → ${said(after)}`])} mono label={t("provenance.differs", { name })} />
    </Spoiler>
  );
}
