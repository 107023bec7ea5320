import { ActionIcon } from "@mantine/core";
import { IconArrowDown, IconArrowUp, IconPin, IconPinFilled, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import classes from "./column-picker.module.css";

interface Props {
  /** Keys in their order, and what they are called. */
  chosen: readonly string[];
  titleOf: (key: string) => string;
  onChange: (chosen: string[]) => void;
  /** So many of the first stay at the left. */
  pinned: number;
  onPinned: (pinned: number) => void;
}

/** The columns that are shown: their order, and how far they stay at the left when the table is scrolled. */
export function ColumnOrder({ chosen, titleOf, onChange, pinned, onPinned }: Props) {
  const { t } = useTranslation();
  const moved = (from: number, to: number): string[] => {
    const rest = chosen.filter((_, place) => place !== from);
    return [...rest.slice(0, to), chosen[from]!, ...rest.slice(to)];
  };
  return (
    <ol className={classes.order} aria-label={t("table.shown")}>
      {chosen.map((key, place) => {
        const column = titleOf(key);
        const isPinned = place < pinned;
        return (
          <li key={key} data-pinned={isPinned || undefined}>
            <span className="cut" title={column}>
              {column}
            </span>
            <ActionIcon size="xs" disabled={place === 0} aria-label={t("table.moveUp", { column })} onClick={() => onChange(moved(place, place - 1))}>
              <IconArrowUp size={12} aria-hidden />
            </ActionIcon>
            <ActionIcon size="xs" disabled={place === chosen.length - 1} aria-label={t("table.moveDown", { column })} onClick={() => onChange(moved(place, place + 1))}>
              <IconArrowDown size={12} aria-hidden />
            </ActionIcon>
            <ActionIcon size="xs" aria-pressed={isPinned} aria-label={t("table.pin", { column })} title={t("table.pin", { column })} onClick={() => onPinned(isPinned ? place : place + 1)}>
              {isPinned ? <IconPinFilled size={12} aria-hidden /> : <IconPin size={12} aria-hidden />}
            </ActionIcon>
            <ActionIcon size="xs" aria-label={t("table.hide", { column })} onClick={() => onChange(chosen.filter((each) => each !== key))}>
              <IconX size={12} aria-hidden />
            </ActionIcon>
          </li>
        );
      })}
    </ol>
  );
}
