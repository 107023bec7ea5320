import { Textarea } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useForm } from "./context";
import { inserted, isUnfinished, partsOf, problemSaid, type ExpressionProblem } from "./expression";
import { useChecked, type Checked } from "./expression-api";
import { ExpressionPicker, type Piece } from "./expression-picker";
import { useCommon, type InputProps } from "./inputs";
import { wordsOf } from "./schema";
import classes from "./expression.module.css";

/** An expression over columns: checked while it is written, with the place of what is wrong underlined; columns and functions can be inserted. */
export function ExpressionField(props: InputProps) {
  const { shape, value, onChange } = props;
  const { i18n } = useTranslation();
  const form = useForm();
  const common = useCommon(props);
  const area = useRef<HTMLTextAreaElement>(null);
  const opener = useRef<() => void>(null);
  const caret = useRef<[number, number] | null>(null);
  const [scrolled, setScrolled] = useState(0);
  const text = typeof value === "string" ? value : "";
  const write = (next: string): void => onChange(next === "" ? (shape.nullable ? null : undefined) : next);
  const checked = useChecked(text, form.columns);
  const verdict = useVerdict(text, checked);
  const pick = (piece: Piece): void => {
    const [start, end] = caret.current ?? [text.length, text.length];
    const written = inserted(text, start, end, piece);
    write(written.text);
    caret.current = [written.caret, written.caret];
    requestAnimationFrame(() => {
      area.current?.focus();
      area.current?.setSelectionRange(written.caret, written.caret);
    });
  };
  const note = (): void => {
    if (area.current) caret.current = [area.current.selectionStart, area.current.selectionEnd];
  };
  const keys = (event: KeyboardEvent): void => {
    if (!event.altKey || event.key !== "ArrowDown") return;
    event.preventDefault();
    note();
    opener.current?.();
  };
  const about = "description" in common ? common.description : undefined;
  return (
    <ExpressionPicker title={wordsOf(shape.schema, i18n.language, props.name).title} onPick={pick} opener={opener}>
      <Textarea
        {...common}
        ref={area}
        error={common.error ?? (verdict.isWrong ? verdict.said : undefined)}
        description={verdict.isWrong && !common.error ? about : [verdict.said && <span key="said" className={classes.verdict}>{verdict.said}</span>, about]}
        inputContainer={(children) => (
          <div className={classes.container}>
            {children}
            <Underlined text={text} problem={verdict.place} scrolled={scrolled} />
          </div>
        )}
        autosize
        minRows={1}
        maxRows={8}
        spellCheck={false}
        autoComplete="off"
        aria-keyshortcuts="Alt+ArrowDown"
        classNames={{ input: classes.input }}
        value={text}
        onChange={(event) => write(event.currentTarget.value)}
        onSelect={note}
        onKeyDown={keys}
        onScroll={(event) => setScrolled(event.currentTarget.scrollTop)}
      />
      <span className="visually-hidden" aria-live="polite">
        {verdict.isCurrent ? verdict.said : null}
      </span>
    </ExpressionPicker>
  );
}

interface Verdict {
  said: ReactNode;
  isWrong: boolean;
  isCurrent: boolean;
  /** What is underlined. */
  place: ExpressionProblem | null;
}

const SILENT: Verdict = { said: null, isWrong: false, isCurrent: true, place: null };

/** What is said of the text: the type it has, or what is wrong. What was typed since keeps the sentence, not the line under a place that may have moved. */
function useVerdict(text: string, { told, isCurrent, error }: Checked): Verdict {
  const { t } = useTranslation("form");
  const { gives, isUnsure } = useForm();
  if (error) return { ...SILENT, said: t("expression.unchecked"), isCurrent };
  if (!told) return SILENT;
  const { problem, type } = told;
  if (!problem) {
    const word = type === null || type === "unknown" ? t("expression.unsure") : t("expression.gives", { type: t(`expression.word.${type}`) });
    if (gives && type !== gives && type !== "unknown") return { ...SILENT, said: t("expression.mustGive", { type: t(`expression.word.${type ?? "null"}`), wanted: t(`expression.word.${gives}`) }), isWrong: true, isCurrent };
    return { ...SILENT, said: <><IconCircleCheck size={13} aria-hidden className={classes.good} /> {word}</>, isCurrent };
  }
  if (isUnsure && problem.code === "unknown_column") return { ...SILENT, said: t("expression.columnsUnsure"), isCurrent };
  const sentence = problemSaid(t, problem) ?? <span lang="en">{problem.detail}</span>;
  const place = problem.position + 1;
  return {
    said: isUnfinished(text, problem) ? sentence : <>{t("expression.at", { place })}{sentence}</>,
    isWrong: true,
    isCurrent,
    place: isCurrent ? problem : null,
  };
}

/** The same text over the field, unseen but for the line under what is wrong. */
function Underlined({ text, problem, scrolled }: { text: string; problem: ExpressionProblem | null; scrolled: number }) {
  if (!problem) return null;
  const [before, at, after] = partsOf(text, problem);
  return (
    <div className={classes.over} aria-hidden>
      <div style={{ transform: `translateY(${-scrolled}px)` }}>
        {before}
        <mark>{at.trim() === "" ? `${at} ` : at}</mark>
        {after}
      </div>
    </div>
  );
}
