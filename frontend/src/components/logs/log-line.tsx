import { memo } from "react";
import { useTranslation } from "react-i18next";
import { piecesOf, plainOf, type Piece } from "./ansi";
import classes from "./logs.module.css";

interface Props {
  number: number;
  /** null: it was not kept; undefined: it is on the way. */
  text: string | null | undefined;
  words: string;
  isCurrent: boolean;
  top: number;
  onLine: (number: number) => void;
}

export const LINE_HEIGHT = 18;
const SHOWN_MOST = 10_000;

const ERROR = /^Traceback \(most recent|^\s*([\w.]+\.)?\w*(Error|Exception|Interrupt)(:|$)|\b(ERROR|FATAL|CRITICAL)\b|^(error|fatal):/;
const WARNING = /\b(WARN|WARNING)\b|^\s*warning:|\w+Warning:/i;

/** What a line is, as far as its words say: a program's streams are one. */
function kindOf(text: string): "system" | "error" | "warning" | undefined {
  if (text.startsWith("bedplate:")) return "system";
  if (ERROR.test(text)) return "error";
  return WARNING.test(text) ? "warning" : undefined;
}

export const LogLine = memo(function LogLine({ number, text, words, isCurrent, top, onLine }: Props) {
  const { t } = useTranslation();
  const plain = text ? plainOf(text.slice(0, SHOWN_MOST)) : "";
  return (
    <div className={classes.line} style={{ transform: `translateY(${top}px)` }} data-kind={kindOf(plain)} data-current={isCurrent || undefined}>
      <button type="button" className={classes.number} tabIndex={-1} onClick={() => onLine(number)} aria-label={t("logs.line", { number })}>
        {number}
      </button>
      <span className={classes.text} data-said={text ? true : undefined}>
        {text === undefined ? "…" : text === null ? <em className="soft">{t("logs.notKept")}</em> : piecesOf(text.slice(0, SHOWN_MOST)).map((piece, index) => <Shown key={index} piece={piece} words={words} />)}
      </span>
    </div>
  );
});

function Shown({ piece, words }: { piece: Piece; words: string }) {
  const content = words && piece.text.includes(words) ? marked(piece.text, words) : piece.text;
  const { color, bold, dim, underline } = piece;
  if (color === undefined && !bold && !dim && !underline) return <>{content}</>;
  return (
    <span data-color={color} data-bold={bold || undefined} data-dim={dim || undefined} data-underline={underline || undefined}>
      {content}
    </span>
  );
}

function marked(text: string, words: string) {
  return text.split(words).flatMap((part, index) => (index ? [<mark key={index}>{words}</mark>, part] : [part]));
}
