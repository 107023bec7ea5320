import { Button, Checkbox, Popover, ScrollArea, Text, TextInput } from "@mantine/core";
import { IconColumns3 } from "@tabler/icons-react";
import { useDeferredValue, useState } from "react";
import { useTranslation } from "react-i18next";
import { ColumnOrder } from "./column-order";
import classes from "./column-picker.module.css";

export interface ColumnGroup {
  title: string;
  options: readonly { key: string; title: string; /** Stands soft behind the title. */ hint?: string | undefined }[];
}

interface Props {
  groups: readonly ColumnGroup[];
  /** Keys of the columns that are shown, in their order. */
  chosen: readonly string[];
  onChange: (chosen: string[]) => void;
  /** How many of the first stay at the left, where readers may say. */
  pinned?: number;
  onPinned?: (pinned: number) => void;
  /** Back to the columns that a new reader sees. */
  onReset: () => void;
}

const SHOWN_MOST = 100;

/** Which columns a table shows; found by name where there are hundreds. */
export function ColumnPicker({ groups, chosen, onChange, pinned = 0, onPinned, onReset }: Props) {
  const { t } = useTranslation();
  const [wanted, setWanted] = useState("");
  const needle = useDeferredValue(wanted.trim().toLowerCase());
  const isChosen = new Set(chosen);
  const titles = new Map(groups.flatMap(({ options }) => options.map(({ key, title }) => [key, title])));
  const toggle = (key: string): void => onChange(isChosen.has(key) ? chosen.filter((each) => each !== key) : [...chosen, key]);
  const found = groups
    .map((group) => ({ ...group, options: group.options.filter(({ title }) => title.toLowerCase().includes(needle)) }))
    .filter(({ options }) => options.length);
  return (
    <Popover position="bottom-end" width={300} trapFocus returnFocus onClose={() => setWanted("")}>
      <Popover.Target>
        <Button variant="default" leftSection={<IconColumns3 size={14} aria-hidden />}>
          {t("table.columns")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown p={8} aria-label={t("table.columns")}>
        {onPinned ? <ColumnOrder chosen={chosen} titleOf={(key) => titles.get(key) ?? key} onChange={onChange} pinned={pinned} onPinned={onPinned} /> : null}
        <TextInput
          aria-label={t("table.findColumn")}
          placeholder={t("table.findColumn")}
          value={wanted}
          onChange={(event) => setWanted(event.currentTarget.value)}
          data-autofocus
        />
        <ScrollArea.Autosize mah={340} mt={8} type="auto">
          {found.map((group) => (
            <fieldset key={group.title} className={classes.group}>
              <legend>{group.title}</legend>
              {group.options.slice(0, SHOWN_MOST).map((option) => (
                <Checkbox
                  key={option.key}
                  className={classes.option}
                  checked={isChosen.has(option.key)}
                  onChange={() => toggle(option.key)}
                  label={
                    <>
                      <span>{option.title}</span> {option.hint ? <span className="soft">{option.hint}</span> : null}
                    </>
                  }
                />
              ))}
              {group.options.length > SHOWN_MOST ? (
                <Text size="xs" className="soft">
                  {t("table.moreColumns", { n: group.options.length - SHOWN_MOST })}
                </Text>
              ) : null}
            </fieldset>
          ))}
          {found.length ? null : (
            <Text size="sm" className="soft" role="status" p={8}>
              {t("table.noColumn")}
            </Text>
          )}
        </ScrollArea.Autosize>
        <Button variant="subtle" mt={8} onClick={onReset}>
          {t("table.resetColumns")}
        </Button>
      </Popover.Dropdown>
    </Popover>
  );
}
