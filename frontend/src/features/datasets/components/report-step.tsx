import { Table, Title, UnstyledButton } from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf, type JsonSchema } from "@/components/schema-form/schema";
import { count, duration, value } from "@/lib/format";
import type { Scalar, StepForm, StepReport } from "../api";
import { told } from "../logic/show";
import { warningSaid } from "../logic/warning";
import { CellText } from "./cell-text";
import classes from "./report-rail.module.css";

interface Props {
  step: StepReport;
  /** The words of its kind, when they are there. */
  form: StepForm | undefined;
  isOpen: boolean;
  onToggle: (step: number) => void;
}

const sum = (cells: Readonly<Record<string, number>>): number => Object.values(cells).reduce((total, each) => total + each, 0);

export const ReportStep = memo(function ReportStep({ step, form, isOpen, onToggle }: Props) {
  const { t, i18n } = useTranslation("datasets");
  const title = form ? wordsOf(form, i18n.language).title : step.kind;
  const changed = sum(step.cells_changed);
  const lost = step.rows_in - step.rows_out;
  const Chevron = isOpen ? IconChevronDown : IconChevronRight;
  const id = `report-step-${step.step}`;
  return (
    <li className={classes.step}>
      <span className={classes.number} aria-hidden>
        {step.step}
      </span>
      <div className={classes.body}>
        <UnstyledButton className={classes.line} aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} onClick={() => onToggle(step.step)}>
          <Chevron size={16} aria-hidden className={classes.chevron} />
          <strong className={classes.title}>{title}</strong>
          <span className={classes.figures}>
            <span className={classes.rows} data-lost={lost > 0 || undefined}>
              {count(step.rows_in)} <IconArrowRight size={12} aria-hidden /> {t("rows", { count: step.rows_out, n: count(step.rows_out) })}
              {lost > 0 ? ` (−${count(lost)})` : ""}
            </span>
            <span>{changed ? t("report.cells", { count: changed, n: count(changed) }) : t("report.noCells")}</span>
            {step.columns_added.length ? <span>{t("report.added", { count: step.columns_added.length, n: count(step.columns_added.length) })}</span> : null}
            {step.columns_removed.length ? <span>{t("report.removed", { count: step.columns_removed.length, n: count(step.columns_removed.length) })}</span> : null}
            <span className={classes.time}>{duration(step.seconds)}</span>
          </span>
        </UnstyledButton>
        {step.warnings.map((warning, index) => (
          <Warning key={index} warning={warning} />
        ))}
        {isOpen ? (
          <div id={id} className={classes.more}>
            <Parameters step={step} form={form} />
            <CellCounts step={step} />
            <Columns title={t("report.columnsAdded")} names={step.columns_added} />
            <Columns title={t("report.columnsRemoved")} names={step.columns_removed} />
            <Fitted step={step} />
            <Examples step={step} />
          </div>
        ) : null}
      </div>
    </li>
  );
});

function Warning({ warning }: { warning: StepReport["warnings"][number] }) {
  const { t, i18n } = useTranslation("datasets");
  const said = warningSaid(t, warning);
  return (
    <p className={classes.warning}>
      <IconAlertTriangle size={14} aria-hidden />
      <span>
        {i18n.exists(`warning.${warning.code}`, { ns: "datasets" }) ? t(`warning.${warning.code as "zero_spread"}`, { column: warning.column }) : warning.column}
        {t("said.colon")}
        {said ?? <span lang="en">{warning.detail}</span>}
      </span>
    </p>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className={classes.part}>
      <Title order={3}>{title}</Title>
      {children}
    </section>
  );
}

/** What the step was told, as words; the names as in the form that it was made with. */
function Parameters({ step, form }: { step: StepReport; form: StepForm | undefined }) {
  const { t, i18n } = useTranslation("datasets");
  const given = Object.entries(step.parameters).filter(([, found]) => found !== null);
  if (!given.length) return null;
  const properties = (form?.schema.properties ?? {}) as Record<string, JsonSchema>;
  const choice = (name: string, found: unknown): string => {
    const called = properties[name]?.["x-choices"]?.find((each) => each.value === found);
    return called ? wordsOf(called, i18n.language).title : told(found, t("column.emptyText"));
  };
  return (
    <Part title={t("report.parameters")}>
      <dl className={classes.told}>
        {given.map(([name, found]) => (
          <div key={name}>
            <dt>{wordsOf(properties[name] ?? {}, i18n.language, name).title}</dt>
            <dd>{choice(name, found)}</dd>
          </div>
        ))}
      </dl>
    </Part>
  );
}

const SHOWN = 12;

/** Cells by column, the most first. */
function CellCounts({ step }: { step: StepReport }) {
  const { t } = useTranslation("datasets");
  const changed = Object.entries(step.cells_changed).filter(([, cells]) => cells > 0);
  if (!changed.length) return null;
  const sorted = changed.sort((a, b) => b[1] - a[1]);
  const most = sorted[0]?.[1] ?? 1;
  return (
    <Part title={t("report.cellsByColumn")}>
      <ul className={classes.bars}>
        {sorted.slice(0, SHOWN).map(([name, cells]) => (
          <li key={name}>
            <span className="cut" title={name}>{name}</span>
            <span className={classes.track} aria-hidden>
              <span style={{ width: `${(cells / most) * 100}%` }} />
            </span>
            <span className="num">{count(cells)}</span>
          </li>
        ))}
      </ul>
      {sorted.length > SHOWN ? <p className="soft">{t("report.moreColumns", { count: sorted.length - SHOWN, n: count(sorted.length - SHOWN) })}</p> : null}
    </Part>
  );
}

function Columns({ title, names }: { title: string; names: readonly string[] }) {
  const { t } = useTranslation("datasets");
  if (!names.length) return null;
  return (
    <Part title={title}>
      <p className={classes.names}>
        {names.slice(0, 60).map((name) => (
          <span key={name}>{name}</span>
        ))}
        {names.length > 60 ? <em className="soft">{t("report.moreColumns", { count: names.length - 60, n: count(names.length - 60) })}</em> : null}
      </p>
    </Part>
  );
}

const FITTED = ["low", "high", "replacement", "fill", "mean", "std"] as const;

/** What the step learned from the training rows. */
function Fitted({ step }: { step: StepReport }) {
  const { t } = useTranslation("datasets");
  const fitted = step.fitted.slice(0, 100);
  if (!fitted.length) return null;
  const shown = FITTED.filter((name) => fitted.some((column) => column[name] !== undefined));
  const withCategories = fitted.some((column) => column.categories !== undefined);
  const text = (found: Scalar | undefined): ReactNode => (found === undefined ? null : typeof found === "number" ? value(found, 6) : <CellText value={found} />);
  return (
    <Part title={t("report.fitted")}>
      <div className={classes.scroll} tabIndex={0} role="group" aria-label={t("report.fitted")}>
        <Table aria-label={t("report.fitted")} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t("report.column")}</Table.Th>
              {shown.map((name) => (
                <Table.Th key={name} scope="col" className="num">
                  {t(`fitted.${name}`)}
                </Table.Th>
              ))}
              {withCategories ? <Table.Th scope="col">{t("fitted.categories")}</Table.Th> : null}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {fitted.map((column) => (
              <Table.Tr key={column.column}>
                <Table.Th scope="row">{column.column}</Table.Th>
                {shown.map((name) => (
                  <Table.Td key={name} className="num">
                    {text(column[name])}
                  </Table.Td>
                ))}
                {withCategories ? (
                  <Table.Td>
                    {column.categories?.join(" · ")}
                    {(column.category_count ?? 0) > (column.categories?.length ?? 0) ? ` … (${count(column.category_count)})` : ""}
                  </Table.Td>
                ) : null}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Part>
  );
}

/** Rows before and after. */
function Examples({ step }: { step: StepReport }) {
  const { t } = useTranslation("datasets");
  const changed = sum(step.cells_changed) > 0 || step.rows_in !== step.rows_out;
  if (!step.examples.length) return changed ? <p className="soft">{t("report.noExamples")}</p> : null;
  return (
    <Part title={t("report.examples")}>
      <div className={classes.scroll} tabIndex={0} role="group" aria-label={t("report.examples")}>
        <Table aria-label={t("report.examples")} stickyHeader>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col" className="num">{t("sample.row")}</Table.Th>
              <Table.Th scope="col">{t("report.column")}</Table.Th>
              <Table.Th scope="col">{t("report.before")}</Table.Th>
              <Table.Th scope="col">{t("report.after")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {step.examples.flatMap((example) =>
              example.cells.map((cell, index) => (
                <Table.Tr key={`${example.ordinal}${cell.column}`} data-first={index === 0 || undefined}>
                  <Table.Td className="num soft">{index === 0 ? count(example.ordinal) : ""}</Table.Td>
                  <Table.Td>{cell.column}</Table.Td>
                  <Table.Td className={classes.old}>
                    <CellText value={cell.before} />
                  </Table.Td>
                  <Table.Td className={example.is_removed ? undefined : classes.new}>{example.is_removed ? <em className="soft">{t("report.rowRemoved")}</em> : <CellText value={cell.after} />}</Table.Td>
                </Table.Tr>
              )),
            )}
          </Table.Tbody>
        </Table>
      </div>
    </Part>
  );
}
