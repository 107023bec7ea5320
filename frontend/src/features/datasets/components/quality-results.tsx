import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { Fragment, useState } from "react";
import { useTranslation } from "react-i18next";
import { count, percent, value as figure } from "@/lib/format";
import type { VersionDetail } from "../api";
import { tally, toneOf, worstFirst } from "../logic/expectation";
import type { Result } from "../quality";
import { CellText } from "./cell-text";
import { OutcomeWord, SeverityWord, useSaid, type Said } from "./expectation-said";
import classes from "./quality.module.css";

/** How many expectations are fulfilled, warn and block: as a strip, and in words. */
export function Tally({ results }: { results: readonly Result[] }) {
  const { t } = useTranslation("quality");
  const counts = tally(results);
  return (
    <>
      <Strip {...counts} />
      <strong>{t("result.summary", { passed: count(counts.passed), warned: count(counts.warned), blocked: count(counts.blocked) })}</strong>
    </>
  );
}

function Strip({ passed, warned, blocked }: { passed: number; warned: number; blocked: number }) {
  const all = Math.max(passed + warned + blocked, 1);
  const parts = [
    ["succeeded", passed],
    ["waiting", warned],
    ["failed", blocked],
  ] as const;
  return (
    <div className={classes.strip} aria-hidden>
      {parts.map(([tone, n]) => (n ? <span key={tone} data-tone={tone} style={{ width: `${(n / all) * 100}%` }} /> : null))}
    </div>
  );
}

/** What became of each expectation, the worst first; those with examples open. */
export function Results({ version, results }: { version: VersionDetail; results: readonly Result[] }) {
  const { t } = useTranslation("quality");
  const said = useSaid(version.project, results);
  const [open, setOpen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (id: string): void =>
    setOpen((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label={t("result.table")}>
      <table className={classes.results}>
        <thead>
          <tr>
            <th scope="col">{t("result.expectation")}</th>
            <th scope="col">{t("column.severity")}</th>
            <th scope="col">{t("result.outcome")}</th>
            <th scope="col">{t("result.figures")}</th>
          </tr>
        </thead>
        <tbody>
          {worstFirst(results).map((result) => (
            <Fragment key={result.expectation}>
              <Row said={said} result={result} isOpen={open.has(result.expectation)} onToggle={() => toggle(result.expectation)} />
              {open.has(result.expectation) ? (
                <tr>
                  <td colSpan={4}>
                    <Inside version={version} result={result} />
                  </td>
                </tr>
              ) : null}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const hasInside = ({ examples, observed, rows_failed: failed }: Result): boolean => examples.length > 0 || Boolean(observed.columns?.length) || Boolean(failed);

function Row({ said, result, isOpen, onToggle }: { said: Said; result: Result; isOpen: boolean; onToggle: () => void }) {
  const { t } = useTranslation("quality");
  const more = hasInside(result);
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  return (
    <tr>
      <td>
        <div className={classes.what}>
          {more ? (
            <button type="button" className={classes.toggle} aria-expanded={isOpen} aria-label={t("result.show", { kind: said.kind(result.kind), label: result.label })} onClick={onToggle}>
              <Chevron size={14} aria-hidden />
              <strong>{said.kind(result.kind)}</strong>
            </button>
          ) : (
            <strong style={{ paddingLeft: 18 }}>{said.kind(result.kind)}</strong>
          )}
          <span style={{ paddingLeft: 18 }}>{said.says(result.kind, result.parameters)}</span>
        </div>
      </td>
      <td>
        <SeverityWord severity={result.severity} />
      </td>
      <td>
        <OutcomeWord result={result} />
        {result.problem ? <Problem problem={result.problem} /> : null}
      </td>
      <td>
        <Figures result={result} />
      </td>
    </tr>
  );
}

function Problem({ problem }: { problem: NonNullable<Result["problem"]> }) {
  const { t, i18n } = useTranslation("quality");
  const known = i18n.exists(`problem.${problem.code}`, { ns: "quality" });
  return <div className="soft">{known ? (t as (key: string, params: unknown) => string)(`problem.${problem.code}`, problem.params) : <span lang="en">{problem.detail}</span>}</div>;
}

/** How many rows do not fulfil it, as a bar and in figures; or what was measured. */
function Figures({ result }: { result: Result }) {
  const { t } = useTranslation("quality");
  const { rows_checked: checked, rows_failed: failed, ratio, observed } = result;
  if (checked !== null && failed !== null) {
    if (!checked) return <span className="soft">{t("result.noRows")}</span>;
    const share = failed / checked;
    return (
      <div className={classes.ratio}>
        <span>{failed ? t("result.rows", { failed: count(failed), checked: count(checked) }) : <span className="soft">{t("result.rows", { failed: 0, checked: count(checked) })}</span>}</span>
        <div className={classes.track} data-tone={toneOf(result)} title={ratio === null ? undefined : t("result.ratio", { share: percent(ratio) })}>
          <span style={{ width: `${Math.max(share ? 1.5 : 0, share * 100)}%` }} />
        </div>
      </div>
    );
  }
  if (observed.rows !== undefined) return <>{t("result.rowCount", { rows: count(observed.rows) })}</>;
  if (observed.type !== undefined) return <>{t("result.isType", { type: observed.type })}</>;
  if (observed.compared !== undefined) return <>{t("result.shift", { beyond: count(observed.beyond), compared: count(observed.compared) })}</>;
  if (observed.newest !== undefined) return <>{observed.newest ? t("result.newest", { at: observed.newest, hours: figure(observed.age_hours) }) : t("result.noNewest")}</>;
  return null;
}

/** The first rows that do not fulfil it; of distributions, the columns and how far they are. */
function Inside({ version, result }: { version: VersionDetail; result: Result }) {
  const { t } = useTranslation("quality");
  const { examples, observed } = result;
  if (observed.columns?.length) return <Shifts columns={observed.columns} />;
  const [first] = examples;
  if (!first) return <div className={`${classes.inner} soft`}>{t("result.noExamples")}</div>;
  const names = Object.keys(first.values);
  const types = new Map(version.schema.map(({ name, type }) => [name, type]));
  const alike = examples.some(({ rows }) => rows !== undefined);
  const caption = t("result.examples", { count: examples.length, n: count(examples.length) });
  return (
    <div className={classes.inner}>
      <table>
        <caption className="visually-hidden">{caption}</caption>
        <thead>
          <tr>
            <th scope="col" className="num">
              {t("result.row")}
            </th>
            {names.map((name) => (
              <th key={name} scope="col" title={name}>
                {name}
              </th>
            ))}
            {alike ? <th scope="col" className="num">{t("result.times")}</th> : null}
          </tr>
        </thead>
        <tbody>
          {examples.map((example) => (
            <tr key={example.ordinal}>
              <td className="num soft">{count(example.ordinal)}</td>
              {names.map((name) => (
                <td key={name}>
                  <CellText value={example.values[name]} type={types.get(name) ?? ""} />
                </td>
              ))}
              {alike ? <td className="num">{count(example.rows)}</td> : null}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Shifts({ columns }: { columns: NonNullable<Result["observed"]["columns"]> }) {
  const { t } = useTranslation("quality");
  return (
    <div className={classes.inner}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("result.shiftColumn")}</th>
            <th scope="col" className="num">PSI</th>
            <th scope="col" className="num">KS</th>
          </tr>
        </thead>
        <tbody>
          {columns.map((one) => (
            <tr key={one.column} style={one.is_beyond ? { color: "var(--failed)" } : undefined}>
              <td>{one.column}</td>
              <td className="num">{figure(one.psi)}</td>
              <td className="num">{figure(one.ks)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
