import { ActionIcon, Group } from "@mantine/core";
import { IconAlertTriangle, IconArrowDown, IconArrowUp, IconChevronDown, IconChevronRight, IconCopy, IconGripVertical, IconTrash } from "@tabler/icons-react";
import { useState, type DragEvent, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import { SchemaForm } from "@/components/schema-form/schema-form";
import type { StepForm } from "../api";
import type { Offer } from "@/components/schema-form/context";
import { keyProblem, kindOf, schemaOf, stepErrors, stepSaid, type EditedStep, type OrderProblem } from "../logic/recipe";
import { adviceSaid } from "../logic/warning";
import type { Advice } from "../preview";
import classes from "./recipe-editor.module.css";

interface Props {
  step: EditedStep;
  index: number;
  count: number;
  /** Its kind; undefined when the server knows it no more. */
  form: StepForm | undefined;
  columns: readonly { name: string; type: string }[];
  errors: Readonly<Record<string, readonly string[]>>;
  problem: OrderProblem | undefined;
  advice: readonly Advice[];
  /** It is the one that the preview shows. */
  isShown: boolean;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  /** The columns may be others: no preview has got here. */
  isUnsure: boolean;
  /** Of the project, as far as the reader may see them. */
  secrets: readonly string[] | undefined;
  offers: Readonly<Record<string, readonly Offer[]>>;
  onShow: () => void;
  showProblems: boolean;
  dragged: number | null;
  onDrag: (key: number | null) => void;
  onMove: (key: number, to: number) => void;
  onChange: (value: Record<string, unknown>) => void;
  onDuplicate: () => void;
  onRemove: () => void;
}

const TYPE = "application/x-bedplate-step";

/** A step of a recipe: its handle, its options, and what is wrong with it. */
export function RecipeStep(props: Props) {
  const { step, index, form, dragged, onDrag, onMove } = props;
  const { t, i18n } = useTranslation("datasets");
  const open = props.isOpen;
  const [over, setOver] = useState(false);
  const kind = kindOf(step);
  const words = wordsOf((form ?? {}), i18n.language, kind);
  const errors = stepErrors(props.errors, index, Object.keys(form?.schema.properties ?? {}).filter((name) => name !== "kind"));
  const wrong = props.problem ? [t(`clean.problem.${props.problem}`)] : errors;
  const key = keyProblem(step, form, props.secrets);
  const isTarget = dragged !== null && dragged !== step.key;
  const over_ = (event: DragEvent): void => {
    if (!isTarget) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    if (dragged !== null) onMove(dragged, index);
    onDrag(null);
  };
  const keys = (event: KeyboardEvent): void => {
    if (!event.altKey || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return;
    event.preventDefault();
    onMove(step.key, index + (event.key === "ArrowUp" ? -1 : 1));
  };
  const Chevron = open ? IconChevronDown : IconChevronRight;
  return (
    <li className={classes.step} data-over={(over && isTarget) || undefined} data-dragged={dragged === step.key || undefined} data-wrong={wrong.length > 0 || undefined} data-shown={props.isShown || undefined} onFocusCapture={props.onShow} onClickCapture={props.onShow} onDragOver={over_} onDragLeave={() => setOver(false)} onDrop={drop}>
      <div className={classes.head}>
        <button
          type="button"
          className={classes.handle}
          aria-label={t("clean.handle", { title: words.title })}
          title={t("clean.handleHint")}
          draggable
          onKeyDown={keys}
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = "move";
            event.dataTransfer.setData(TYPE, String(step.key));
            const whole = event.currentTarget.closest("li");
            if (whole) event.dataTransfer.setDragImage(whole, 16, 16);
            onDrag(step.key);
          }}
          onDragEnd={() => onDrag(null)}
        >
          <IconGripVertical size={16} aria-hidden />
        </button>
        <span className={classes.number}>{index + 1}</span>
        <button type="button" className={classes.title} aria-expanded={open} onClick={() => props.onOpen(!open)}>
          <strong>{words.title}</strong>
          <Chevron size={14} aria-hidden />
          {open ? null : <span className={classes.said}>{stepSaid(step)}</span>}
        </button>
        <Tools {...props} title={words.title} />
      </div>
      {wrong.map((sentence, at) => (
        <p key={at} className={classes.wrong}>
          <IconAlertTriangle size={14} aria-hidden /> <span lang={props.problem ? undefined : "en"}>{sentence}</span>
        </p>
      ))}
      {props.advice.map((advice, at) => (
        <p key={at} className={classes.warned}>
          <IconAlertTriangle size={14} aria-hidden /> {adviceSaid(t, advice) ?? <span lang="en">{advice.detail}</span>}
        </p>
      ))}
      {key ? (
        <p className={classes.warned}>
          <IconAlertTriangle size={14} aria-hidden /> {t(`clean.key.${key.code}`, key)}
        </p>
      ) : null}
      {open && form ? (
        <div className={classes.options}>
          <p className="soft">{words.description}</p>
          <SchemaForm
            schema={schemaOf(form)}
            value={step.value}
            onChange={props.onChange}
            path={`steps[${index}]`}
            errors={props.errors}
            columns={props.columns}
            gives={kind === "filter_rows" ? "bool" : undefined}
            isUnsure={props.isUnsure}
            offers={props.offers}
            showProblems={props.showProblems}
          />
        </div>
      ) : null}
    </li>
  );
}

function Tools({ step, index, count, title, onMove, onDuplicate, onRemove, form }: Props & { title: string }) {
  const { t } = useTranslation("datasets");
  return (
    <Group gap={2} wrap="nowrap">
      <ActionIcon aria-label={t("clean.up", { title })} disabled={index === 0} onClick={() => onMove(step.key, index - 1)}>
        <IconArrowUp size={14} aria-hidden />
      </ActionIcon>
      <ActionIcon aria-label={t("clean.down", { title })} disabled={index === count - 1} onClick={() => onMove(step.key, index + 1)}>
        <IconArrowDown size={14} aria-hidden />
      </ActionIcon>
      <ActionIcon aria-label={t("clean.duplicate", { title })} disabled={form?.is_once ?? false} onClick={onDuplicate}>
        <IconCopy size={14} aria-hidden />
      </ActionIcon>
      <ActionIcon aria-label={t("clean.remove", { title })} onClick={onRemove}>
        <IconTrash size={14} aria-hidden />
      </ActionIcon>
    </Group>
  );
}
