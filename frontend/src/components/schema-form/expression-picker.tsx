import { Button, Combobox, ScrollArea, useCombobox } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useImperativeHandle, useState, type ReactNode, type Ref } from "react";
import { useTranslation } from "react-i18next";
import { useForm, type Column } from "./context";
import { functionsQuery } from "./expression-api";
import { offered, signature, typeSaid } from "./expression";
import { wordsOf } from "./schema";
import classes from "./expression.module.css";

export type Piece = { column: string } | { function: string; takes: boolean };

interface Props {
  /** Of the field. */
  title: string;
  onPick: (piece: Piece) => void;
  /** Opens the list. */
  opener: Ref<() => void>;
  /** The field itself: the list opens below it, so that what is written stays in sight. */
  children: ReactNode;
}

/** So many columns are drawn; the others are found by typing. */
const SHOWN = 60;

/** A list to search, of the columns that stand there and of the functions: whoever is chosen is written into the field. */
export function ExpressionPicker({ title, onPick, opener, children }: Props) {
  const { t } = useTranslation("form");
  const { columns, disabled } = useForm();
  const [text, setText] = useState("");
  const combobox = useCombobox({
    onDropdownOpen: () => combobox.focusSearchInput(),
    onDropdownClose: () => {
      combobox.resetSelectedOption();
      setText("");
    },
  });
  useImperativeHandle(opener, () => () => combobox.openDropdown(), [combobox]);
  const functions = useQuery({ ...functionsQuery, enabled: combobox.dropdownOpened }).data ?? [];
  const found = offered(columns, functions, text);
  const pick = (value: string): void => {
    const [kind, name] = [value.slice(0, 2), value.slice(2)];
    combobox.closeDropdown();
    onPick(kind === "c:" ? { column: name } : { function: name, takes: (functions.find((each) => each.name === name)?.parameters.length ?? 0) > 0 });
  };
  const first = text.trim() ? `${found.columns[0]?.name} ${found.functions[0]?.name}` : "";
  const { selectFirstOption } = combobox;
  // Once it is drawn: Enter takes it.
  useEffect(() => {
    if (first) selectFirstOption();
  }, [first, selectFirstOption]);
  return (
    <Combobox store={combobox} onOptionSubmit={pick} position="bottom-end" width={400} disabled={disabled}>
      <Combobox.DropdownTarget>
        <div className={classes.field}>
          {children}
          <Button
            className={classes.insert}
            size="compact-xs"
            variant="subtle"
            rightSection={<IconChevronDown size={12} aria-hidden />}
            aria-label={t("expression.insertInto", { title })}
            aria-haspopup="listbox"
            aria-expanded={combobox.dropdownOpened}
            disabled={disabled}
            onClick={() => combobox.toggleDropdown()}
          >
            {t("expression.insert")}
          </Button>
        </div>
      </Combobox.DropdownTarget>
      <Combobox.Dropdown>
        {combobox.dropdownOpened ? <List found={found} text={text} onType={setText} /> : null}
      </Combobox.Dropdown>
    </Combobox>
  );
}

interface ListProps {
  found: ReturnType<typeof offered<Column>>;
  text: string;
  onType: (text: string) => void;
}

function List({ found, text, onType }: ListProps) {
  const { t, i18n } = useTranslation("form");
  const { language } = i18n;
  const left = found.columns.length - SHOWN;
  return (
    <>
      <Combobox.Search
        aria-label={t("expression.search")}
        placeholder={t("expression.search")}
        value={text}
        onChange={(event) => onType(event.currentTarget.value)}
      />
      <Combobox.Options aria-label={t("expression.insert")}>
        <ScrollArea.Autosize mah={300} type="auto">
          {found.columns.length ? (
            <Combobox.Group label={t("expression.columns")}>
              {found.columns.slice(0, SHOWN).map(({ name, type }) => (
                <Combobox.Option key={name} value={`c:${name}`} className={classes.option}>
                  <code>{name}</code> <span className={classes.about}>{typeSaid(t, type)}</span>
                </Combobox.Option>
              ))}
              {left > 0 ? <p className={classes.left}>{t("expression.left", { count: left, n: left })}</p> : null}
            </Combobox.Group>
          ) : null}
          {found.functions.length ? (
            <Combobox.Group label={t("expression.functions")}>
              {found.functions.map((each) => (
                <Combobox.Option key={each.name} value={`f:${each.name}`} className={classes.option}>
                  <code>{signature(each)}</code>
                  <span className={classes.says}>
                    {wordsOf(each, language, each.name).description} <code>{each.example}</code>
                  </span>
                </Combobox.Option>
              ))}
            </Combobox.Group>
          ) : null}
          {found.columns.length + found.functions.length ? null : <Combobox.Empty>{t("expression.nothing")}</Combobox.Empty>}
        </ScrollArea.Autosize>
      </Combobox.Options>
    </>
  );
}
