import { IconAlertTriangle, IconInfoCircle } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { count, percent, value } from "@/lib/format";
import type { ColumnProfile } from "../api";
import classes from "./findings.module.css";

type Finding = ColumnProfile["findings"][number];

/** What catches the eye in a column, each as icon and words; `brief` gives the head of the sentence alone. */
export function Findings({ findings, brief = false }: { findings: readonly Finding[]; brief?: boolean }) {
  const { t } = useTranslation("datasets");
  if (!findings.length) return null;
  return (
    <ul className={classes.findings} data-brief={brief || undefined}>
      {findings.map((finding) => {
        const Icon = finding.severity === "warning" ? IconAlertTriangle : IconInfoCircle;
        return (
          <li key={finding.code} className={classes.finding} data-severity={finding.severity}>
            <Icon size={14} aria-hidden />
            <span className={brief ? "cut" : undefined}>{brief ? t(`finding.brief.${finding.code}`) : t(`finding.full.${finding.code}`, figuresOf(finding))}</span>
          </li>
        );
      })}
    </ul>
  );
}

/** The figures that a sentence needs; `n` is how many rows it is about. */
function figuresOf({ figures }: Finding): { ratio: string; n: string; extreme: string; near: string } {
  return { ratio: percent(figures.ratio), n: count(figures.count), extreme: value(figures.extreme, 6), near: value(figures.near, 6) };
}
