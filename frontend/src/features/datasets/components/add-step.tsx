import { Button, Popover, ScrollArea, TextInput } from "@mantine/core";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { Fragment, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { wordsOf } from "@/components/schema-form/schema";
import type { StepForm } from "../api";
import { found } from "../logic/recipe";
import classes from "./recipe-editor.module.css";

interface Props {
  forms: readonly StepForm[];
  /** Kinds that stand in the recipe. */
  present: ReadonlySet<string>;
  onAdd: (form: StepForm) => void;
}

/** All kinds of steps, to be looked through or searched in either language. */
export function AddStep({ forms, present, onAdd }: Props) {
  const { t, i18n } = useTranslation("datasets");
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const shown = found(forms, text);
  const add = (form: StepForm): void => {
    onAdd(form);
    setOpen(false);
    setText("");
  };
  const keys = (event: KeyboardEvent): void => {
    const first = shown.find((form) => !(form.is_once && present.has(form.kind)));
    if (event.key !== "Enter" || !text.trim() || !first) return;
    event.preventDefault();
    add(first);
  };
  return (
    <Popover opened={open} onChange={setOpen} position="bottom-start" width={420} trapFocus returnFocus>
      <Popover.Target>
        <Button variant="default" leftSection={<IconPlus size={14} aria-hidden />} onClick={() => setOpen(!open)} aria-haspopup="dialog">
          {t("clean.add")}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={t("clean.add")}>
        <TextInput
          data-autofocus
          aria-label={t("clean.search")}
          placeholder={t("clean.search")}
          leftSection={<IconSearch size={14} aria-hidden />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          onKeyDown={keys}
        />
        <ScrollArea.Autosize mah={420} mt="xs" type="auto">
          <div className={classes.kinds}>
            {shown.map((form, at) => {
              const words = wordsOf(form, i18n.language);
              const isThere = form.is_once && present.has(form.kind);
              const begins = !text.trim() && form.family !== shown[at - 1]?.family;
              return (
                <Fragment key={form.kind}>
                  {begins ? <p className={classes.family}>{t(`family.${form.family}`)}</p> : null}
                  <button type="button" className={classes.kind} disabled={isThere} onClick={() => add(form)} title={isThere ? t("clean.problem.once") : undefined}>
                    <strong>{words.title}</strong>
                    <span className={classes.about}>{words.description}</span>
                  </button>
                </Fragment>
              );
            })}
            {shown.length ? null : <p className="soft">{t("clean.nothingFound")}</p>}
          </div>
        </ScrollArea.Autosize>
      </Popover.Dropdown>
    </Popover>
  );
}
