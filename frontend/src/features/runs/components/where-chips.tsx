import { Button, Popover } from "@mantine/core";
import { IconFilterPlus, IconX } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { RunColumns } from "../api-list";
import { isRefused, parseCondition, shortField } from "../where";
import { WhereEditor } from "./where-editor";
import classes from "./run-filters.module.css";

interface Props {
  where: readonly string[];
  known: RunColumns | undefined;
  onChange: (where: string[]) => void;
}

/** The conditions, all of which must hold: press one to change it. */
export function WhereChips({ where, known, onChange }: Props) {
  const { t } = useTranslation("runs");
  const [edited, setEdited] = useState<number | null>(null);
  const close = (): void => setEdited(null);
  const put = (index: number, text: string): void => {
    const next = index < where.length ? where.map((each, place) => (place === index ? text : each)) : [...where, text];
    onChange([...new Set(next)]);
    close();
  };
  const editor = (index: number) => (
    <Popover.Dropdown aria-label={t("list.addFilter")} maw="calc(100vw - 24px)">
      <WhereEditor initial={where[index]} known={known} onDone={(text) => put(index, text)} onCancel={close} />
    </Popover.Dropdown>
  );
  return (
    <>
      {where.map((text, index) => (
        <Popover key={text} opened={edited === index} onChange={(opened) => setEdited(opened ? index : null)} position="bottom-start" trapFocus returnFocus>
          <Popover.Target>
            <span className={classes.chip} data-wrong={isRefused(parseCondition(text)) || undefined}>
              <Said text={text} onPress={() => setEdited(index)} />
              <button
                type="button"
                className={classes.away}
                aria-label={t("list.removeFilter", { filter: text })}
                onClick={() => onChange(where.filter((_, place) => place !== index))}
              >
                <IconX size={12} aria-hidden />
              </button>
            </span>
          </Popover.Target>
          {editor(index)}
        </Popover>
      ))}
      <Popover
        opened={edited === where.length}
        onChange={(opened) => setEdited(opened ? where.length : null)}
        position="bottom-start"
        trapFocus
        returnFocus
      >
        <Popover.Target>
          <Button variant="default" leftSection={<IconFilterPlus size={14} aria-hidden />} onClick={() => setEdited(edited === where.length ? null : where.length)}>
            {t("list.addFilter")}
          </Button>
        </Popover.Target>
        {editor(where.length)}
      </Popover>
    </>
  );
}

function Said({ text, onPress }: { text: string; onPress: () => void }) {
  const { t } = useTranslation("runs");
  const found = parseCondition(text);
  const title = isRefused(found) ? t(`where.${found.problem}`) : text;
  return (
    <button type="button" className={classes.said} title={title} onClick={onPress}>
      {isRefused(found) ? (
        text
      ) : (
        <>
          {shortField(found.field)} <b>{found.operator}</b> {found.value}
        </>
      )}
    </button>
  );
}
