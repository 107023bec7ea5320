import { useTranslation } from "react-i18next";

/** What the API says of why something is in its state. */
export interface ReasonProps {
  reason?: string | null | undefined;
  /** The English sentence of the API. */
  detail?: string | null | undefined;
  /** The same sentence as code and parameters, when the control plane wrote it itself. */
  message?: { code: string; params?: Record<string, unknown> } | null | undefined;
}

/** The reason in the reader's words: our own sentences are translated, what a program printed is shown as it is. */
export function Reason({ reason, detail, message }: ReasonProps) {
  const { t, i18n } = useTranslation(["states", "messages"]);
  const word = reason && i18n.exists(`reason.${reason}`, { ns: "states" }) ? t(`reason.${reason}` as never, { ns: "states" }) : reason;
  const known = message && i18n.exists(message.code, { ns: "messages" });
  const sentence = known ? (t as (key: string, options: object) => string)(message.code, { ns: "messages", ...message.params }) : (detail ?? "");
  if (!word && !sentence) return null;
  return (
    <span>
      {word && reason !== "completed" ? <strong>{word}</strong> : null}
      {word && reason !== "completed" && sentence ? ": " : null}
      {sentence ? <span lang={known ? undefined : "en"}>{sentence}</span> : null}
    </span>
  );
}
