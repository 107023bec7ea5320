import {
  IconCircleCheck,
  IconCircleDashed,
  IconCircleX,
  IconClockHour4,
  IconPlayerPlay,
  IconPlayerStop,
  type TablerIcon,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { toneOf, type Noun, type Tone } from "@/lib/states";
import classes from "./state-badge.module.css";

const ICONS: Readonly<Record<Tone, TablerIcon>> = {
  waiting: IconClockHour4,
  running: IconPlayerPlay,
  succeeded: IconCircleCheck,
  failed: IconCircleX,
  cancelled: IconCircleDashed,
  stopping: IconPlayerStop,
};

interface Props {
  noun: Noun;
  state: string;
  /** Only the icon, where a column is narrow; the word stays for screen readers and on hover. */
  iconOnly?: boolean;
}

/** A state as colour, icon and word. */
export function StateBadge({ noun, state, iconOnly = false }: Props) {
  const { t, i18n } = useTranslation("states");
  const tone = toneOf(noun, state);
  const Icon = ICONS[tone];
  const key = `${noun}.${state}`;
  const word = i18n.exists(key, { ns: "states" }) ? t(key as never) : state;
  return (
    <span className={classes.badge} data-tone={tone} data-plain={iconOnly || undefined} title={iconOnly ? word : undefined}>
      <Icon size={14} aria-hidden />
      <span className={iconOnly ? "visually-hidden" : undefined}>{word}</span>
    </span>
  );
}
