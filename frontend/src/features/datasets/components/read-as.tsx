import { useTranslation } from "react-i18next";
import { count, percent } from "@/lib/format";
import type { Ingestion } from "../api";
import classes from "./read-as.module.css";

const MARKS: Readonly<Record<string, string>> = { "\t": "tab", " ": "blank" };

/** What the job found out about the file, so that a wrong guess is seen before it hurts. */
export function ReadAs({ ingestion }: { ingestion: Ingestion }) {
  const { t } = useTranslation("datasets");
  const { t: tCommon } = useTranslation();
  const found = ingestion.detected;
  if (!found.format) return null;
  const sure = found.encoding_confidence ?? 1;
  const mark = (character: string): string => (MARKS[character] ? t(`readAs.mark.${MARKS[character] as "tab"}`) : character);
  const facts: [string, string | null][] = [
    ["format", t(`format.${found.format}`)],
    ["packing", found.packing ?? null],
    ["files", found.files === undefined ? null : t("readAs.of", { n: count(found.files), ignored: count(found.ignored ?? 0), count: found.ignored ?? 0 })],
    ["encoding", found.encoding ? (sure < 1 ? t("readAs.sure", { encoding: found.encoding, share: percent(sure) }) : found.encoding) : null],
    ["lines", found.line_ending && found.line_ending !== "none" ? t(`readAs.ending.${found.line_ending}`) : null],
    ["delimiter", found.delimiter ? mark(found.delimiter) : null],
    ["quote", found.quote ? mark(found.quote) : null],
    ["header", found.header === undefined ? null : tCommon(found.header ? "yes" : "no")],
    ["sheet", found.sheet ?? null],
    ["sheets", found.sheets && found.sheets.length > 1 ? found.sheets.filter((name) => name !== found.sheet).join(" · ") : null],
  ];
  return (
    <section className={classes.part}>
      <h2>{t("readAs.title")}</h2>
      <dl className={classes.facts}>
        {facts.map(([name, value]) =>
          value === null ? null : (
            <div key={name}>
              <dt>{t(`readAs.${name as "encoding"}`)}</dt>
              <dd>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </section>
  );
}
