import { MultiSelect, Select, Switch } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo, useState, type KeyboardEvent, type PointerEvent } from "react";
import { useTranslation } from "react-i18next";
import { count } from "@/lib/format";
import type { CompareRun } from "../../api-compare";
import { axisOf, type Axis, type Modes } from "../../compare";
import { axesOf, heldBy, movedBy, passes, shareOf, type Brush, type Brushes, type ParallelAxis } from "../../parallel";
import { colorAt, Scale, useFields, words } from "../compare-scatter";
import bar from "../compare.module.css";
import classes from "./parallel.module.css";

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  modes: Modes;
  /** Fields of the axes in their order; none: as is usual. */
  fields: readonly string[] | undefined;
  brushes: Brushes;
  /** By which lines are coloured; none: by their run. */
  tint: string | undefined;
  onChange: (part: { axes?: string[] | undefined; brushes?: Brushes; tint?: string | undefined }) => void;
}

const WIDTH = 1000;
const HEIGHT = 380;
const PAD = { left: 90, right: 90, top: 12, bottom: 18 };
const SPAN = HEIGHT - PAD.top - PAD.bottom;
const USUAL_AXES = 5;
/** A press that moved less than this is no brush: it takes the brush away. */
const LEAST = 0.015;
const STEPS = 40;

/** An axis for each parameter or metric, a line for each run; a part of an axis that is marked keeps the lines that pass it. */
export function CompareParallel({ runs, colors, modes, fields, brushes, tint, onChange }: Props) {
  const { t } = useTranslation("runs");
  const known = useFields(runs);
  const [hides, setHides] = useState(false);
  const usual = useMemo(() => usualFields(known, modes), [known, modes]);
  const order = fields ?? usual;
  const axes = useMemo(() => axesOf(runs, order, modes, words), [runs, order, modes]);
  const tinted = useMemo(() => (tint ? axisOf(runs.map((run) => heldBy(run, tint, modes)), words) : undefined), [runs, tint, modes]);
  const through = runs.filter((run) => passes(run, axes, brushes, modes));
  const brush = (field: string, part: Brush | undefined): void => {
    const next = new Map(brushes);
    if (part) next.set(field, part);
    else next.delete(field);
    onChange({ brushes: next });
  };
  const colorOf = (run: CompareRun): string => (tinted && tint ? colorAt(tinted, heldBy(run, tint, modes)) : (colors.get(run.id) ?? ""));
  return (
    <>
      <div className={bar.bar}>
        <MultiSelect searchable className={classes.fields ?? ""} label={t("parallel.axes")} data={known.options} limit={200} value={[...order]} onChange={(axesNow) => onChange({ axes: axesNow.length ? axesNow : undefined })} />
        <Select
          searchable
          clearable
          label={t("compare.tint")}
          placeholder={t("compare.byRun")}
          data={known.options}
          value={tint ?? null}
          onChange={(chosen) => onChange({ tint: chosen ?? undefined })}
          clearButtonProps={{ "aria-label": t("verb.clear", { ns: "common" }) }}
        />
        {tinted ? <Scale axis={tinted} /> : null}
        <Switch label={t("parallel.hide")} checked={hides} onChange={(event) => setHides(event.currentTarget.checked)} />
      </div>
      {axes.length < 2 ? (
        <p className="soft">{t("parallel.two")}</p>
      ) : (
        <figure className={`surface ${classes.figure}`} aria-label={t("parallel.title")}>
          <Heads axes={axes} order={order} onOrder={(next) => onChange({ axes: next })} />
          <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} className={classes.chart}>
            <g aria-hidden>
              {[...runs].sort((a, b) => Number(through.includes(a)) - Number(through.includes(b))).map((run) => {
                const isOn = through.includes(run);
                if (hides && !isOn) return null;
                return <Line key={run.id} run={run} axes={axes} modes={modes} color={colorOf(run)} isOn={isOn} />;
              })}
            </g>
            {axes.map((each, index) => (
              <OneAxis key={each.field} of={each} left={leftOf(index, axes.length)} brush={brushes.get(each.field)} onBrush={(part) => brush(each.field, part)} />
            ))}
          </svg>
          <figcaption className="soft">
            <span role="status">{brushes.size ? t("parallel.through", { count: through.length, n: count(through.length), all: count(runs.length) }) : t("parallel.help")}</span>
          </figcaption>
        </figure>
      )}
      <Through runs={through} colorOf={colorOf} />
    </>
  );
}

function usualFields({ metrics, parameters }: Pick<ReturnType<typeof useFields>, "metrics" | "parameters">, modes: Modes): string[] {
  const differing = parameters.filter(({ differs }) => differs).slice(0, USUAL_AXES).map(({ key }) => `params.${key}`);
  const goals = metrics.filter((key) => modes.has(key) && /val|test/.test(key));
  const last = (goals.length ? goals : metrics).slice(0, Math.max(1, 2 - differing.length)).map((key) => `metrics.${key}`);
  return [...differing, ...last];
}

const leftOf = (index: number, axes: number): number => PAD.left + (index / Math.max(1, axes - 1)) * (WIDTH - PAD.left - PAD.right);
const topOf = (share: number): number => PAD.top + (1 - share) * SPAN;

/** Names above the axes: drag one to another place, or move it by the arrow keys. */
function Heads({ axes, order, onOrder }: { axes: readonly ParallelAxis[]; order: readonly string[]; onOrder: (order: string[]) => void }) {
  const { t } = useTranslation("runs");
  const [dragged, setDragged] = useState<string | null>(null);
  const onKeyDown = (event: KeyboardEvent, field: string): void => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by) return;
    event.preventDefault();
    onOrder(movedBy(order, field, by));
  };
  return (
    <div className={classes.heads}>
      {axes.map(({ field, title }, index) => (
        <button
          key={field}
          type="button"
          draggable
          className={classes.head}
          style={{ left: `${(leftOf(index, axes.length) / WIDTH) * 100}%` }}
          title={t("parallel.move", { name: title })}
          aria-label={t("parallel.move", { name: title })}
          data-dragged={dragged === field || undefined}
          onKeyDown={(event) => onKeyDown(event, field)}
          onDragStart={(event) => {
            event.dataTransfer.effectAllowed = "move";
            setDragged(field);
          }}
          onDragEnd={() => setDragged(null)}
          onDragOver={(event) => event.preventDefault()}
          onDrop={() => dragged && onOrder(movedBy(order, dragged, order.indexOf(field) - order.indexOf(dragged)))}
        >
          {title}
        </button>
      ))}
    </div>
  );
}

function Line({ run, axes, modes, color, isOn }: { run: CompareRun; axes: readonly ParallelAxis[]; modes: Modes; color: string; isOn: boolean }) {
  const path = axes
    .map(({ field, axis }, index) => ({ left: leftOf(index, axes.length), share: shareOf(axis, heldBy(run, field, modes)) }))
    // Where there is no value the line has a gap.
    .map(({ left, share }, index, all) => (share === undefined ? "" : `${index && all[index - 1]?.share !== undefined ? "L" : "M"}${left.toFixed(1)} ${topOf(share).toFixed(1)}`))
    .join("");
  return (
    <path d={path} className={classes.line} data-on={isOn || undefined} style={{ stroke: isOn ? color : "var(--line)" }}>
      <title>{run.name}</title>
    </path>
  );
}

interface AxisProps {
  of: ParallelAxis;
  left: number;
  brush: Brush | undefined;
  onBrush: (part: Brush | undefined) => void;
}

function OneAxis({ of: { title, axis }, left, brush, onBrush }: AxisProps) {
  const { t } = useTranslation("runs");
  const [from, setFrom] = useState<number | null>(null);
  const [drawn, setDrawn] = useState<Brush>();
  const shown = drawn ?? brush;
  const placeAt = (event: PointerEvent<SVGElement>): number => {
    const box = event.currentTarget.ownerSVGElement?.getBoundingClientRect();
    const y = box ? ((event.clientY - box.top) / box.height) * HEIGHT : 0;
    const share = 1 - (y - PAD.top) / SPAN;
    return axis.low + Math.min(1, Math.max(0, share)) * (axis.high - axis.low);
  };
  const part = (a: number, b: number): Brush => [Math.min(a, b), Math.max(a, b)];
  const finish = (event: PointerEvent<SVGElement>): void => {
    if (from === null) return;
    const found = part(from, placeAt(event));
    setFrom(null);
    setDrawn(undefined);
    onBrush(found[1] - found[0] < LEAST * (axis.high - axis.low) ? undefined : found);
  };
  return (
    <g>
      <line className={classes.axis} x1={left} x2={left} y1={PAD.top} y2={HEIGHT - PAD.bottom} />
      {axis.ticks.map(({ at, label }) => (
        <text key={at} className={classes.tick} x={left - 7} y={topOf((at - axis.low) / (axis.high - axis.low)) + 4} textAnchor="end" aria-hidden>
          {label.length > 12 ? `${label.slice(0, 11)}…` : label}
        </text>
      ))}
      <rect
        className={classes.hit}
        x={left - 16}
        width={32}
        y={PAD.top - 6}
        height={SPAN + 12}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          setFrom(placeAt(event));
        }}
        onPointerMove={(event) => (from === null ? undefined : setDrawn(part(from, placeAt(event))))}
        onPointerUp={finish}
        onPointerCancel={finish}
      />
      {shown ? <Marked axis={axis} left={left} part={shown} /> : null}
      {([0, 1] as const).map((end) => (
        <Bound key={end} axis={axis} left={left} end={end} part={shown} label={t(end ? "parallel.upper" : "parallel.lower", { name: title })} onBrush={onBrush} />
      ))}
    </g>
  );
}

const shareAt = (axis: Axis, place: number): number => (place - axis.low) / (axis.high - axis.low);

function Marked({ axis, left, part: [low, high] }: { axis: Axis; left: number; part: Brush }) {
  const [top, bottom] = [topOf(shareAt(axis, high)), topOf(shareAt(axis, low))];
  return <rect className={classes.brush} x={left - 7} width={14} y={top} height={Math.max(1, bottom - top)} />;
}

interface BoundProps {
  axis: Axis;
  left: number;
  end: 0 | 1;
  part: Brush | undefined;
  label: string;
  onBrush: (part: Brush | undefined) => void;
}

/** One end of the part that is kept: moved by the arrow keys; Delete keeps all again. */
function Bound({ axis, left, end, part, label, onBrush }: BoundProps) {
  const at = part?.[end] ?? (end ? axis.high : axis.low);
  const move = (to: number): void => {
    const held = Math.min(axis.high, Math.max(axis.low, to));
    const [low, high] = part ?? [axis.low, axis.high];
    const next: Brush = end ? [Math.min(low, held), held] : [held, Math.max(high, held)];
    onBrush(next[0] <= axis.low && next[1] >= axis.high ? undefined : next);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const stride = (axis.high - axis.low) / STEPS;
    const to = { ArrowUp: at + stride, ArrowDown: at - stride, Home: axis.low, End: axis.high }[event.key];
    if (to !== undefined) move(to);
    else if (event.key === "Delete" || event.key === "Backspace") onBrush(undefined);
    else return;
    event.preventDefault();
  };
  return (
    <rect
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuemin={axis.low}
      aria-valuemax={axis.high}
      aria-valuenow={at}
      aria-valuetext={words(Number(at.toPrecision(4)))}
      className={classes.bound}
      data-on={part ? true : undefined}
      x={left - 9}
      width={18}
      y={topOf(shareAt(axis, at)) - 3}
      height={6}
      rx={2}
      onKeyDown={onKeyDown}
    />
  );
}

/** The runs that are left, as links. */
function Through({ runs, colorOf }: { runs: readonly CompareRun[]; colorOf: (run: CompareRun) => string }) {
  const { t } = useTranslation("runs");
  return (
    <ul className={classes.through} aria-label={t("parallel.runs")}>
      {runs.map((run) => (
        <li key={run.id}>
          <span className={bar.swatch} style={{ background: colorOf(run) }} aria-hidden />
          <Link to="/runs/$runId" params={{ runId: run.id }}>
            {run.name}
          </Link>
        </li>
      ))}
    </ul>
  );
}
