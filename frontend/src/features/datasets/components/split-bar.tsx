import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import { splitsOf } from "../logic/show";
import classes from "./split-bar.module.css";

const COLOURS = ["var(--accent)", "var(--series-4)", "var(--series-9)"];

/** Rows of each part, as one bar and in figures. */
export function SplitBar({ splits }: { splits: Readonly<Record<string, number>> }) {
  const { t, i18n } = useTranslation("datasets");
  const parts = splitsOf(splits);
  const total = parts.reduce((sum, [, rows]) => sum + rows, 0);
  if (!parts.length || !total) return null;
  const word = (name: string): string => (i18n.exists(`split.${name}`, { ns: "datasets" }) ? t(`split.${name as "train"}`) : name);
  return (
    <div className={classes.split}>
      <div className={classes.bar} aria-hidden>
        {parts.map(([name, rows], index) => (
          <span key={name} style={{ flexGrow: rows, background: COLOURS[index % COLOURS.length] }} />
        ))}
      </div>
      <ul className={classes.parts}>
        {parts.map(([name, rows], index) => (
          <li key={name}>
            <span className={classes.dot} style={{ background: COLOURS[index % COLOURS.length] }} aria-hidden />
            {word(name)} <span className="soft">{t("rowsShare", { count: rows, n: count(rows), share: percent(rows / total) })}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
