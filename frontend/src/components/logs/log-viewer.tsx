import { Button, Select, Switch } from "@mantine/core";
import { IconArrowBarToDown, IconDownload } from "@tabler/icons-react";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";
import { useLive, useLineState } from "@/live/use-live";
import { LINE_HEIGHT, LogLine } from "./log-line";
import { LogLines } from "./log-lines";
import { LogFinder } from "./log-finder";
import { downloadUrl, readLines, type Member } from "./log-search";
import classes from "./logs.module.css";

interface Props {
  workload: string;
  /** Oldest first; the last one is shown unless another is chosen. */
  attempts: readonly { id: string; number: number; members: number }[];
  /** The line that the address names. */
  line?: number | undefined;
  onLine?: ((line: number | undefined) => void) | undefined;
  /** Whether more may come. */
  isOver: boolean;
}

/** The output of a workload's members: live, to be searched, as long as it may be. */
export function LogViewer(props: Props) {
  const { t } = useTranslation();
  const { workload, attempts } = props;
  const [chosen, choose] = useState<string | null>(null);
  const [rank, setRank] = useState(0);
  const attempt = attempts.find(({ id }) => id === chosen) ?? attempts.at(-1);
  if (!attempt) return <p className={classes.note}>{t("logs.notStarted")}</p>;
  const picks = (
    <>
      {attempts.length > 1 ? (
        <Select
          aria-label={t("logs.attempt")}
          w={140}
          allowDeselect={false}
          value={attempt.id}
          onChange={choose}
          data={attempts.map(({ id, number }) => ({ value: id, label: t("logs.attemptNumber", { number }) }))}
        />
      ) : null}
      {attempt.members > 1 ? (
        <Select
          aria-label={t("logs.member")}
          w={120}
          allowDeselect={false}
          value={String(rank)}
          onChange={(value) => setRank(Number(value))}
          data={Array.from({ length: attempt.members }, (_, each) => ({ value: String(each), label: t("logs.memberNumber", { number: each }) }))}
        />
      ) : null}
    </>
  );
  const member = { workload, attempt: attempt.id, rank: Math.max(0, Math.min(rank, attempt.members - 1)) };
  return <MemberLog key={`${member.attempt} ${member.rank}`} {...props} member={member} picks={picks} />;
}

function MemberLog({ member, picks, line, onLine, isOver }: Props & { member: Member; picks: React.ReactNode }) {
  const { t } = useTranslation();
  const [kept] = useState(member);
  const lines = useLines(kept, isOver);
  const [words, setWords] = useState("");
  const [follow, setFollow] = useState(line === undefined);
  const scroller = useRef<HTMLDivElement>(null);
  // The compiler of React, which this would confuse, is not used.
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({ count: lines.total, getScrollElement: () => scroller.current, estimateSize: () => LINE_HEIGHT, overscan: 20 });
  const rows = virtual.getVirtualItems();
  const first = (rows[0]?.index ?? 0) + 1;
  const last = (rows.at(-1)?.index ?? -1) + 1;
  useEffect(() => {
    if (last >= first) lines.look(first, last);
  });
  useLayoutEffect(() => {
    // All lines are of one height, and the browser knows its own end: nothing is measured.
    if (follow && scroller.current) scroller.current.scrollTop = lines.total * LINE_HEIGHT;
  }, [follow, lines.total]);
  const seen = useRef<number | undefined>(undefined);
  useEffect(() => {
    if (line === undefined || !lines.total || seen.current === line) return;
    seen.current = line;
    virtual.scrollToIndex(Math.min(line, lines.total) - 1, { align: "center" });
  }, [line, lines.total, virtual]);
  const top = useRef(0);
  const onScroll = (): void => {
    const element = scroller.current;
    if (!element) return;
    const isEnd = element.scrollHeight - element.scrollTop - element.clientHeight < LINE_HEIGHT;
    // Who scrolls up reads; who comes to the end wants what comes next.
    if (element.scrollTop < top.current - 2 && !isEnd) setFollow(false);
    top.current = element.scrollTop;
  };
  const goTo = (number: number): void => {
    setFollow(false);
    seen.current = undefined;
    onLine?.(number);
  };
  return (
    <div className={classes.viewer}>
      <div className={classes.tools}>
        {picks}
        <LogFinder member={kept} words={words} onWords={setWords} current={line} onGo={goTo} />
        <div className={classes.end}>
          <Switch label={t("logs.follow")} checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} disabled={isOver && !lines.total} />
          <Button component="a" href={downloadUrl(kept)} download variant="default" leftSection={<IconDownload size={14} aria-hidden />}>
            {t("verb.download")}
          </Button>
        </div>
      </div>
      <div ref={scroller} className={classes.scroller} tabIndex={0} role="region" aria-label={t("logs.output")} onScroll={onScroll}>
        {lines.total ? (
          <div className={classes.rows} style={{ height: virtual.getTotalSize() }}>
            {rows.map(({ index, start }) => (
              <LogLine key={index} number={index + 1} text={lines.line(index + 1)} words={words} isCurrent={line === index + 1} top={start} onLine={goTo} />
            ))}
          </div>
        ) : (
          <p className={classes.note}>{lines.isRead ? (isOver ? t("logs.empty") : t("logs.nothingYet")) : t("face.loading")}</p>
        )}
      </div>
      {follow || !lines.total || isOver ? null : (
        <Button className={classes.toEnd} size="compact-xs" leftSection={<IconArrowBarToDown size={14} aria-hidden />} onClick={() => setFollow(true)}>
          {t("logs.toEnd")}
        </Button>
      )}
    </div>
  );
}

const POLL = 5_000;

/** The lines of a member while it is shown: read, and followed. */
function useLines(member: Member, isOver: boolean): LogLines {
  const lines = useMemo(() => new LogLines(readLines(member)), [member]);
  useSyncExternalStore(lines.subscribe, lines.snapshot);
  useEffect(() => {
    void lines.start();
    return () => lines.end();
  }, [lines]);
  useLive(`workload.${member.workload}`, {
    onUpdate: ({ logs, logs_missing }) => {
      for (const told of logs ?? []) if (told.attempt === member.attempt && told.rank === member.rank) lines.grew(told.last_line);
      if (logs_missing) void lines.start();
    },
    onGap: () => void lines.start(),
  });
  const isOpen = useLineState() === "open";
  useEffect(() => {
    if (isOpen || isOver) return undefined;
    const timer = setInterval(() => void lines.start(), POLL);
    return () => clearInterval(timer);
  }, [isOpen, isOver, lines]);
  return lines;
}
