import { Alert, Button, Loader, Skeleton, Title } from "@mantine/core";
import { IconAlertTriangle, IconArrowRight, IconRefresh } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import { ErrorDetails } from "@/components/faces";
import { Reason } from "@/components/reason";
import { count, duration } from "@/lib/format";
import { secretOption, type Kinds } from "../logic/recipe";
import { warningSaid } from "../logic/warning";
import type { Previewed, PreviewState } from "../preview";
import { PreviewTable } from "./preview-table";
import classes from "./preview.module.css";

interface Props {
  state: PreviewState;
  kinds: Kinds;
  /** Place of the step whose rows are shown, from 0; −1 for the data as it is. */
  selected: number;
  onSelect: (step: number) => void;
}

/** Code of a step whose options are not what they must be: mostly one that was just added. */
const UNFINISHED = "invalid_recipe";
/** Options whose problem the step says itself, in the reader's words and in its place. */
const SAID_AT_FIELD = ["expression", "secret"] as const;
/** Code of a warning that the editor gives at the step itself. */
const KNOWN_BEFORE = "fitted_without_split";

/** What the recipe does to a sample of the version, step by step, while it is edited. */
export function PreviewPanel(props: Props) {
  const { state } = props;
  const { t } = useTranslation("datasets");
  return (
    <section className={classes.panel} aria-label={t("preview.title")} aria-busy={state.isBusy}>
      <div className={classes.head}>
        <Title order={2}>{t("preview.title")}</Title>
        <Facts state={state} />
      </div>
      <Body {...props} />
    </section>
  );
}

function Facts({ state: { shown, isBusy, isOver } }: { state: PreviewState }) {
  const { t } = useTranslation("datasets");
  if (!shown || isOver) return null;
  const all = shown.rows_sampled === shown.row_count;
  return (
    <span className={classes.facts}>
      {t(all ? "preview.ofAll" : "preview.ofSome", { n: count(shown.rows_sampled), total: count(shown.row_count) })}
      {isBusy ? <Loader size={12} aria-label={t("preview.busy")} /> : <span className="num">{duration(shown.seconds)}</span>}
    </span>
  );
}

function Body({ state, kinds, selected, onSelect }: Props) {
  const { t } = useTranslation("datasets");
  const { preview, shown, error } = state;
  if (state.isOver) {
    return (
      <div className={classes.away}>
        <p>{t("preview.over")}</p>
        {preview && preview.state_reason !== "" ? (
          <p className="soft">
            <Reason reason={preview.state_reason} detail={preview.state_detail} message={preview.state_message} />
          </p>
        ) : null}
        <Button variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={state.reopen}>
          {t("preview.reopen")}
        </Button>
      </div>
    );
  }
  if (error && !shown) {
    return (
      <Alert color="red" variant="outline" title={t("preview.failed")}>
        <ErrorDetails error={error} />
        <Button mt="sm" variant="default" leftSection={<IconRefresh size={14} aria-hidden />} onClick={state.reopen}>
          {t("preview.reopen")}
        </Button>
      </Alert>
    );
  }
  if (!shown) {
    return (
      <div className={classes.away}>
        <p role="status">
          {preview && preview.workload_state === "pending" && preview.workload_reason ? (
            <Reason reason={preview.workload_reason} detail={preview.workload_detail} message={preview.workload_message} />
          ) : (
            t("preview.starting")
          )}
        </p>
        <Skeleton height={280} />
      </div>
    );
  }
  return <Shown shown={shown} kinds={kinds} selected={Math.min(selected, shown.steps.length - 1)} onSelect={onSelect} />;
}

function Shown({ shown, kinds, selected, onSelect }: { shown: Previewed } & Omit<Props, "state">) {
  const { t, i18n } = useTranslation("datasets");
  const title = (kind: string): string => wordsOf(kinds.get(kind) ?? {}, i18n.language, kind).title;
  const step = shown.steps[selected];
  const wrong = shown.error && SAID_AT_FIELD.find((option) => option === shown.error?.option);
  const name = step ? t("preview.after", { number: step.step, title: title(step.kind) }) : t("preview.start");
  return (
    <>
      <div className={classes.places} role="group" aria-label={t("preview.places")}>
        <button type="button" aria-pressed={selected < 0} onClick={() => onSelect(-1)}>
          {t("preview.start")}
        </button>
        {shown.steps.map((each, at) => (
          <button key={each.step} type="button" aria-pressed={at === selected} title={title(each.kind)} aria-label={t("preview.after", { number: each.step, title: title(each.kind) })} onClick={() => onSelect(at)}>
            {each.step}
          </button>
        ))}
      </div>
      {shown.error ? (
        <p className={shown.error.code === UNFINISHED ? classes.warning : classes.error} role="status">
          <IconAlertTriangle size={14} aria-hidden /> <strong>{t(shown.error.code === UNFINISHED ? "preview.unfinished" : "preview.stops", { number: shown.error.step })}</strong>{" "}
          {wrong === "expression" || (wrong && shown.error.code === UNFINISHED) ? t(`preview.wrong.${wrong}`) : <Reason detail={shown.error.detail} message={shown.error.message.filter(({ code }) => code !== "data_step")} />}
        </p>
      ) : null}
      {step ? <Summary step={step} title={title(step.kind)} isKeyed={secretOption(kinds.get(step.kind)) !== undefined} /> : null}
      <PreviewTable table={step?.table ?? shown.start} label={name} />
    </>
  );
}

const sum = (cells: Readonly<Record<string, number>>): number => Object.values(cells).reduce((total, each) => total + each, 0);

function Summary({ step, title, isKeyed }: { step: Previewed["steps"][number]; title: string; isKeyed: boolean }) {
  const { t } = useTranslation("datasets");
  const lost = step.rows_in - step.rows_out;
  const changed = sum(step.cells_changed);
  return (
    <div className={classes.summary}>
      <strong>{title}</strong>
      <span className="num">
        {count(step.rows_in)} <IconArrowRight size={12} aria-hidden /> {t("rows", { count: step.rows_out, n: count(step.rows_out) })}
        {lost > 0 ? ` (−${count(lost)})` : lost < 0 ? ` (+${count(-lost)})` : ""}
      </span>
      <span>{changed ? t("report.cells", { count: changed, n: count(changed) }) : t("report.noCells")}</span>
      {step.columns_added.length ? <span>{t("report.added", { count: step.columns_added.length, n: count(step.columns_added.length) })}</span> : null}
      {step.columns_removed.length ? <span>{t("report.removed", { count: step.columns_removed.length, n: count(step.columns_removed.length) })}</span> : null}
      {isKeyed ? <span className="soft">{t("preview.standIn")}</span> : null}
      {step.warnings.filter(({ code }) => code !== KNOWN_BEFORE).map((warning, index) => (
        <p key={index} className={classes.warning}>
          <IconAlertTriangle size={14} aria-hidden /> {warning.column ? `${warning.column}: ` : ""}
          {warningSaid(t, warning) ?? <span lang="en">{warning.detail}</span>}
        </p>
      ))}
    </div>
  );
}
