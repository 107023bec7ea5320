import { IconAlertTriangle, IconBulb, IconInfoCircle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import { count, NONE, percent, value } from "@/lib/format";
import { recipeStepsQuery, type ColumnProfile, type ProfileTable } from "../api";
import { exact } from "../logic/show";
import classes from "./findings.module.css";

type Finding = ColumnProfile["findings"][number];
type TableFinding = ProfileTable["findings"][number];

/** What catches the eye in a column, each as icon and words; `brief` gives the head of the sentence alone. */
export function Findings({ findings, brief = false }: { findings: readonly Finding[]; brief?: boolean }) {
  const { t } = useTranslation("profile");
  if (!findings.length) return null;
  const said = (finding: Finding): string => t(`finding.full.${finding.code}`, { ...figuresOf(finding), ...namesOf(finding, (kind) => t(`kind.${kind as "email"}`), (way) => t(`finding.way.${way as "increasing"}`)) });
  return (
    <ul className={classes.findings} data-brief={brief || undefined}>
      {findings.map((finding, index) => (
        <Line key={`${finding.code}${index}`} severity={finding.severity} step={brief ? null : finding.suggestion}>
          <span className={brief ? "cut" : undefined}>{brief ? t(`finding.brief.${finding.code}`) : said(finding)}</span>
        </Line>
      ))}
    </ul>
  );
}

/** What catches the eye in the table as a whole. */
export function TableFindings({ findings, columns = false }: { findings: readonly TableFinding[]; columns?: boolean }) {
  const { t } = useTranslation("profile");
  return (
    <ul className={classes.findings} data-columns={columns || undefined}>
      {findings.map((finding, index) => (
        <Line key={`${finding.code}${index}`} severity={finding.severity} step={finding.suggestion}>
          {t(`finding.table.${finding.code}`, { ...figuresOf(finding), first: finding.examples[0] ?? "", second: finding.examples[1] ?? "" })}
        </Line>
      ))}
    </ul>
  );
}

function Line({ severity, step, children }: { severity: Finding["severity"]; step: Finding["suggestion"] | null; children: ReactNode }) {
  const { t } = useTranslation("profile");
  const Icon = severity === "warning" ? IconAlertTriangle : IconInfoCircle;
  return (
    <li className={classes.finding} data-severity={severity}>
      <Icon size={14} aria-label={t(`finding.severity.${severity}`)} />
      <div className={classes.words}>
        {children}
        {step ? <Suggested kind={step.kind} /> : null}
      </div>
    </li>
  );
}

function Suggested({ kind }: { kind: string }) {
  const { t, i18n } = useTranslation("profile");
  const form = useQuery(recipeStepsQuery).data?.find((each) => each.kind === kind);
  // The space is kept while the titles are on their way.
  return (
    <span className={classes.step}>
      <IconBulb size={13} aria-hidden />
      {form ? t("finding.suggested", { step: wordsOf(form, i18n.language, kind).title }) : "\u00a0"}
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
