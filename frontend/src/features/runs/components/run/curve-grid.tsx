import { UnstyledButton } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { IconChevronDown, IconChevronRight } from "@tabler/icons-react";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Mark, Span } from "@/components/plot";
import { EmptyState } from "@/components/empty-state";
import { count } from "@/lib/format";
import { isOver } from "@/lib/states";
import type { XAxis } from "@/live/metric-buffer";
import type { Run } from "../../api";
import { grouped, moved, PINNED, PLAIN, toggleFold, togglePin, type Arrangement, type CurveGroup } from "../../curve-order";
import { Refiner } from "../../refiner";
import { CurveCard } from "./curve-card";
import { CurveTools, type View } from "./curve-tools";
import { useRunCurves } from "./use-run-curves";
import classes from "./curves.module.css";

interface Props {
  run: Run;
  view: View;
  onView: (view: Partial<View>) => void;
  /** Where attempts went on. */
  marks: readonly Mark[];
}

/** All metrics of a run as curves: grouped by the beginning of their names, arranged by the reader, pointed at and zoomed together. */
export function CurveGrid({ run, view: asked, onView, marks }: Props) {
  const { t } = useTranslation("runs");
  const [view, setView] = useState(asked);
  const [viewOf, setViewOf] = useState(asked);
  if (viewOf !== asked) {
    setViewOf(asked);
    setView(asked);
  }
  const { curves, keys } = useRunCurves(run, isOver(run.state));
  const [arrangement, setArrangement] = useLocalStorage<Arrangement>({ key: `bedplate-curves-${run.experiment}`, defaultValue: PLAIN, getInitialValueInEffect: false });
  const axis = useAxis(view.x, run.started_at);
  const [range, setRange] = useState<Span | null>(null);
  const [rangeOf, setRangeOf] = useState(view.x);
  if (rangeOf !== view.x) {
    setRangeOf(view.x);
    setRange(null);
  }
  const refiner = useMemo(() => new Refiner(curves), [curves]);
  useEffect(() => () => refiner.end(), [refiner]);
  const groups = useMemo(() => grouped(keys, arrangement), [keys, arrangement]);
  const arranging = useArranging(groups, setArrangement);
  if (!keys.length) return <EmptyState text={isOver(run.state) ? t("curves.none") : t("curves.noneYet")} call={'ctx.log_metrics({"train/loss": loss}, step=step)'} />;
  return (
    <section aria-label={t("curves.title")}>
      <CurveTools view={view} onView={onView} onSmooth={(smooth) => setView({ ...view, smooth })} isZoomed={range !== null} onReset={() => setRange(null)} />
      {groups.map((group) => (
        <Group key={group.name} group={group} isFolded={arrangement.folded.includes(group.name)} isAlone={groups.length === 1} onFold={(name) => setArrangement((before) => toggleFold(before, name))}>
          {group.keys.map((key) => (
            <CurveCard
              key={key}
              name={key}
              runId={run.id}
              curves={curves}
              refiner={refiner}
              axis={axis}
              view={view}
              marks={marks}
              range={range}
              onRange={setRange}
              isPinned={group.name === PINNED}
              {...arranging}
            />
          ))}
        </Group>
      ))}
    </section>
  );
}

function Group({ group, isFolded, isAlone, onFold, children }: { group: CurveGroup; isFolded: boolean; isAlone: boolean; onFold: (name: string) => void; children: React.ReactNode }) {
  const { t } = useTranslation("runs");
  const title = group.name === PINNED ? t("curves.pinned") : group.name || t("curves.others");
  if (isAlone && group.name === "") return <ul className={classes.grid}>{children}</ul>;
  return (
    <section className={classes.group}>
      <h2 className={classes.groupTitle}>
        <UnstyledButton className={classes.fold} aria-expanded={!isFolded} onClick={() => onFold(group.name)}>
          {isFolded ? <IconChevronRight size={16} aria-hidden /> : <IconChevronDown size={16} aria-hidden />}
          {title} <span className="soft">{count(group.keys.length)}</span>
        </UnstyledButton>
      </h2>
      {isFolded ? null : <ul className={classes.grid}>{children}</ul>}
    </section>
  );
}

/** The same object while it means the same. */
function useAxis(kind: View["x"], startedAt: string | null): XAxis {
  return useMemo(() => (kind === "relative" ? { kind, zero: startedAt ? Date.parse(startedAt) / 1000 : 0 } : { kind }), [kind, startedAt]);
}

/** Pinning and moving cards, by drag and by key; the functions stay the same, so that no card is rendered for another. */
function useArranging(groups: readonly CurveGroup[], setArrangement: (change: (before: Arrangement) => Arrangement) => void) {
  const latest = useRef(groups);
  const dragged = useRef<string | null>(null);
  const focus = useRef<string | null>(null);
  useLayoutEffect(() => {
    latest.current = groups;
    // The card was moved in the page and the browser has forgotten the focus.
    if (!focus.current) return;
    document.querySelector<HTMLElement>(`[data-key="${CSS.escape(focus.current)}"] .${classes.handle}`)?.focus();
    focus.current = null;
  }, [groups]);
  const groupOf = (key: string): CurveGroup | undefined => latest.current.find(({ keys }) => keys.includes(key));
  const onPin = useCallback((key: string) => setArrangement((before) => togglePin(before, key)), [setArrangement]);
  const onMove = useCallback(
    (key: string, by: number) => {
      const group = groupOf(key);
      if (!group) return;
      focus.current = key;
      setArrangement((before) => moved(before, group, key, group.keys.indexOf(key) + by));
    },
    [setArrangement],
  );
  const onDragged = useCallback((key: string | null) => void (dragged.current = key), []);
  const onDropped = useCallback(
    (on: string) => {
      const key = dragged.current;
      const group = key === null ? undefined : groupOf(key);
      if (key === null || !group?.keys.includes(on)) return;
      setArrangement((before) => moved(before, group, key, group.keys.indexOf(on)));
    },
    [setArrangement],
  );
  return { onPin, onMove, onDragged, onDropped };
}
