import { ActionIcon, Button, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBug, IconChevronDown, IconChevronUp, IconSearch } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import { MATCHES_MOST, searchQuery, TROUBLES, type Member } from "./log-search";
import classes from "./logs.module.css";

interface Props {
  member: Member;
  words: string;
  onWords: (words: string) => void;
  /** The line that is shown. */
  current: number | undefined;
  onGo: (line: number) => void;
}

/** Looks for words in all of the output, and for where it failed. */
export function LogFinder({ member, words, onWords, current, onGo }: Props) {
  const { t } = useTranslation();
  const client = useQueryClient();
  const [wanted] = useDebouncedValue(words, 300);
  const { data, isFetching } = useQuery({ ...searchQuery(member, wanted), enabled: wanted !== "" });
  const found = wanted !== "" && wanted === words ? data : undefined;
  const [noTrouble, setNoTrouble] = useState(false);
  const place = found && current !== undefined ? found.lines.indexOf(current) : -1;
  const go = (by: 1 | -1): void => {
    if (!found?.lines.length) return;
    const { lines } = found;
    const after = by > 0 ? lines.find((line) => line > (current ?? 0)) : lines.findLast((line) => line < (current ?? Infinity));
    onGo(after ?? (by > 0 ? lines[0]! : lines.at(-1)!));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Enter") go(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") onWords("");
  };
  const toTrouble = async (): Promise<void> => {
    setNoTrouble(false);
    for (const trouble of TROUBLES) {
      const { lines } = await client.fetchQuery(searchQuery(member, trouble));
      if (!lines.length) continue;
      onWords(trouble);
      return onGo(lines.at(-1)!);
    }
    setNoTrouble(true);
  };
  const said = (): string => {
    if (noTrouble) return t("logs.noTrouble");
    if (!words) return "";
    if (!found) return isFetching ? t("logs.searching") : "";
    if (!found.lines.length) return t("logs.noMatch");
    const all = found.isCut ? t("logs.moreThan", { n: count(MATCHES_MOST) }) : count(found.lines.length);
    return place < 0 ? t("logs.matches", { n: all }) : t("logs.matchOf", { at: count(place + 1), n: all });
  };
  return (
    <>
      <TextInput
        className={classes.search}
        aria-label={t("logs.search")}
        placeholder={t("logs.search")}
        leftSection={<IconSearch size={14} aria-hidden />}
        value={words}
        onChange={(event) => {
          setNoTrouble(false);
          onWords(event.currentTarget.value);
        }}
        onKeyDown={onKeyDown}
      />
      <ActionIcon aria-label={t("logs.previous")} title={t("logs.previous")} onClick={() => go(-1)} disabled={!found?.lines.length}>
        <IconChevronUp size={16} aria-hidden />
      </ActionIcon>
      <ActionIcon aria-label={t("logs.next")} title={t("logs.next")} onClick={() => go(1)} disabled={!found?.lines.length}>
        <IconChevronDown size={16} aria-hidden />
      </ActionIcon>
      <span className={classes.found} role="status">
        {said()}
      </span>
      <Button variant="default" leftSection={<IconBug size={14} aria-hidden />} onClick={() => void toTrouble()}>
        {t("logs.toTrouble")}
      </Button>
    </>
  );
}
