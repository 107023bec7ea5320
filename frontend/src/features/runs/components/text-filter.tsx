import { Button, Group, Popover, Stack, Text, Textarea } from "@mantine/core";
import { IconCode, IconX } from "@tabler/icons-react";
import { useState, type FormEvent } from "react";
import { useTranslation } from "react-i18next";
import { ErrorDetails } from "@/components/faces";
import { useFilterCheck } from "../api-list";
import classes from "./run-filters.module.css";

interface Props {
  filter: string | undefined;
  onChange: (filter: string | undefined) => void;
}

/** Conditions as one text, in the words that clients of MLflow write. The server reads it before the table is asked. */
export function TextFilter({ filter, onChange }: Props) {
  const { t } = useTranslation("runs");
  const [opened, setOpened] = useState(false);
  const [text, setText] = useState("");
  const check = useFilterCheck();
  const open = (): void => {
    setText(filter ?? "");
    check.reset();
    setOpened(!opened);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const wanted = text.trim();
    const done = (): void => {
      setOpened(false);
      onChange(wanted || undefined);
    };
    if (wanted) check.mutate(wanted, { onSuccess: done });
    else done();
  };
  return (
    <Popover opened={opened} onChange={setOpened} position="bottom-start" width="min(440px, calc(100vw - 24px))" trapFocus returnFocus>
      <Popover.Target>
        {filter ? (
          <span className={classes.chip}>
            <button type="button" className={classes.said} title={filter} onClick={open}>
              {filter}
            </button>
            <button type="button" className={classes.away} aria-label={t("list.removeTextFilter")} onClick={() => onChange(undefined)}>
              <IconX size={12} aria-hidden />
            </button>
          </span>
        ) : (
          <Button variant="default" leftSection={<IconCode size={14} aria-hidden />} onClick={open}>
            {t("list.textFilter")}
          </Button>
        )}
      </Popover.Target>
      <Popover.Dropdown aria-label={t("list.textFilter")}>
        <form onSubmit={submit}>
          <Stack gap="sm">
            <Textarea autosize minRows={2} maxRows={8} maxLength={4000} label={t("list.textFilter")} classNames={{ input: "mono" }} value={text} onChange={(event) => setText(event.currentTarget.value)} data-autofocus />
            <Text size="xs" className="soft">{t("list.textFilterHint")}</Text>
            {check.error ? <ErrorDetails error={check.error} /> : null}
            <Group justify="flex-end" gap="sm">
              <Button variant="default" onClick={() => setOpened(false)}>
                {t("verb.cancel", { ns: "common" })}
              </Button>
              <Button type="submit" loading={check.isPending}>
                {t("list.textFilterApply")}
              </Button>
            </Group>
          </Stack>
        </form>
      </Popover.Dropdown>
    </Popover>
  );
}
