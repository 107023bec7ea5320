import { IconAlertTriangle, IconBulb, IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import { count, NONE, percent, value } from "@/lib/format";
import { useHasRole } from "@/lib/permissions";
import { recipeStepsQuery, type ColumnProfile, type ProfileTable, type VersionDetail } from "../api";
import { suggested } from "../logic/recipe";
import { exact } from "../logic/show";
import classes from "./findings.module.css";

type Finding = ColumnProfile["findings"][number];
type TableFinding = ProfileTable["findings"][number];

interface Props {
  findings: readonly Finding[];
  /** The head of the sentence alone. */
  brief?: boolean;
  /** The column that they are about, and the version: its recipe editor is where suggestions lead. */
  of?: { column: string; version: VersionDetail };
}

/** What catches the eye in a column, each as icon and words. */
export function Findings({ findings, brief = false, of }: Props) {
  const { t } = useTranslation("profile");
  if (!findings.length) return null;
  const said = (finding: Finding): string => t(`finding.full.${finding.code}`, { ...figuresOf(finding), ...namesOf(finding, (kind) => t(`kind.${kind as "email"}`), (way) => t(`finding.way.${way as "increasing"}`)) });
  return (
    <ul className={classes.findings} data-brief={brief || undefined}>
      {findings.map((finding, index) => (
        <Line key={`${finding.code}${index}`} severity={finding.severity} step={brief ? null : finding.suggestion} {...of}>
          <span className={brief ? "cut" : undefined}>{brief ? t(`finding.brief.${finding.code}`) : said(finding)}</span>
        </Line>
      ))}
    </ul>
  );
}

/** What catches the eye in the table as a whole. */
export function TableFindings({ findings, version, columns = false }: { findings: readonly TableFinding[]; version: VersionDetail; columns?: boolean }) {
  const { t } = useTranslation("profile");
  return (
    <ul className={classes.findings} data-columns={columns || undefined}>
      {findings.map((finding, index) => (
        <Line key={`${finding.code}${index}`} severity={finding.severity} step={finding.suggestion} version={version}>
          {t(`finding.table.${finding.code}`, { ...figuresOf(finding), first: finding.examples[0] ?? "", second: finding.examples[1] ?? "" })}
        </Line>
      ))}
    </ul>
  );
}

interface LineProps {
  severity: Finding["severity"];
  step: Finding["suggestion"] | null;
  column?: string | undefined;
  version?: VersionDetail | undefined;
  children: ReactNode;
}

function Line({ severity, step, column, version, children }: LineProps) {
  const { t } = useTranslation("profile");
  const Icon = severity === "warning" ? IconAlertTriangle : IconInfoCircle;
  return (
    <li className={classes.finding} data-severity={severity}>
      <Icon size={14} aria-label={t(`finding.severity.${severity}`)} />
      <div className={classes.words}>
        {children}
        {step ? <Suggested step={step} column={column} version={version} /> : null}
      </div>
    </li>
  );
}

/** The step that would help: who may clean the version goes from here to the editor, where it stands filled in. */
function Suggested({ step, column, version }: Pick<LineProps, "column" | "version"> & { step: NonNullable<Finding["suggestion"]> }) {
  const { t, i18n } = useTranslation("profile");
  const form = useQuery(recipeStepsQuery).data?.find((each) => each.kind === step.kind);
  const mayClean = useHasRole("editor", version?.project);
  const title = form ? wordsOf(form, i18n.language, step.kind).title : "";
  const canClean = mayClean && (version?.state === "published" || version?.state === "validating");
  // The space is kept while the titles are on their way.
  return (
    <span className={classes.step}>
      <IconBulb size={13} aria-hidden />
      {form && version && canClean ? (
        <Link to="/dataset-versions/$versionId/clean" params={{ versionId: version.id }} search={{ step: suggested(form, step, column) }}>
          {t("finding.addStep", { step: title })}
        </Link>
      ) : form ? (
        t("finding.suggested", { step: title })
      ) : (
        "\u00a0"
      )}
    </span>
  );
}

/** The figures that a sentence needs; `n` is how many rows it is about. */
function figuresOf({ figures }: Pick<Finding, "figures">) {
  return {
    ratio: percent(figures.ratio),
    n: count(figures.count),
    times: value(figures.ratio, 3),
    texts: count(figures.texts),
    value: value(figures.value, 3),
    score: value(figures.score, 3),
    extreme: figures.extreme === undefined ? NONE : exact(figures.extreme, 6),
    near: value(figures.near, 6),
    low: value(figures.low, 5),
    high: value(figures.high, 5),
  };
}

function namesOf({ examples }: Finding, kind: (name: string) => string, way: (name: string) => string) {
  const [first = ""] = examples;
  return { first, examples: examples.map((each) => (each === "" ? "“”" : each)).join(" · "), kind: kind(first), way: way(first) };
}
