import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import { diffLines, hunksOf } from "../../diff";
import classes from "./diff-view.module.css";

interface Props {
  left: string;
  right: string;
  label: string;
}

const SIGN = { same: " ", left: "−", right: "+" } as const;

/** Two texts, line by line: what only one of them has stands out, what is the same far from it is counted. */
export function DiffView({ left, right, label }: Props) {
  const { t } = useTranslation("runs");
  const { hunks, rest } = useMemo(() => hunksOf(diffLines(left, right)), [left, right]);
  const skipped = (n: number) => (n ? <div className={classes.skipped}>{t("diff.same", { count: n, n: count(n) })}</div> : null);
  if (!hunks.length) return <p className="soft">{t("diff.none")}</p>;
  return (
    <div className={`surface mono ${classes.diff}`} tabIndex={0} role="region" aria-label={label}>
      {hunks.map((hunk, index) => (
        <div key={index}>
          {skipped(hunk.skipped)}
          {hunk.lines.map(({ kind, text, left: before, right: after }) => (
            <div key={`${before ?? ""} ${after ?? ""}`} className={classes.line} data-kind={kind}>
              <span className={classes.number} aria-hidden>{before}</span>
              <span className={classes.number} aria-hidden>{after}</span>
              <span className={classes.sign} aria-hidden>{SIGN[kind]}</span>
              {kind === "same" ? null : <span className="visually-hidden">{t(`diff.${kind}`)} </span>}
              <span className={classes.text}>{text}</span>
            </div>
          ))}
        </div>
      ))}
      {skipped(rest)}
    </div>
  );
}
