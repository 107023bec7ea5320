import { useTranslation } from "react-i18next";
import { SAID, sentence, type MessagePart } from "@/lib/messages";

/** How codes begin of what a data job says of its input. */
const FAULT = "data_";

/** What the API says of why something is in its state. */
export interface ReasonProps {
  reason?: string | null | undefined;
  /** The API's English text, for sentences that this build does not know. */
  detail?: string | null | undefined;
  /** The same text in parts that can be said in the reader's language. */
  message?: readonly MessagePart[] | null | undefined;
  /** Leave out the bold word of the reason, where a badge or a heading has said it. */
  sentenceOnly?: boolean;
}

/** The reason in the reader's words: our own sentences are translated, what a program printed is shown as it is. */
export function Reason({ reason, detail, message, sentenceOnly = false }: ReasonProps) {
  const { t, i18n } = useTranslation("states");
  const { t: say } = useTranslation("messages");
  const isKnown = Boolean(reason) && i18n.exists(`reason.${reason}`, { ns: "states" });
  const word = isKnown ? t(`reason.${reason}` as never) : reason;
  const parts = message?.length ? message : detail ? [{ code: SAID, params: { text: detail } } as MessagePart] : [];
  // That its command failed says nothing beside what it found wrong.
  const isFault = reason === "exit_nonzero" && parts.some(({ code }) => code.startsWith(FAULT));
  const showsWord = Boolean(word) && reason !== "completed" && !sentenceOnly && !isFault;
  if (!showsWord && !parts.length) return null;
  return (
    <span>
      {showsWord && !parts.length ? word : null}
      {showsWord && parts.length ? <strong>{word}</strong> : null}
      {showsWord && parts.length ? t("colon") : null}
      {parts.map((part, index) => (
        <span key={index} lang={part.code === SAID ? "en" : undefined} data-said={part.code === SAID || undefined}>
          {index ? " " : ""}
          {sentence(say, part)}
        </span>
      ))}
    </span>
  );
}
