import { Select } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { value } from "@/lib/format";
import type { CompareRun } from "../api-compare";
import { axisOf, commonKeys, parameterRows, type Axis, type Modes } from "../compare";
import { heldBy, mixed, shareOf, titleOf } from "../parallel";
import classes from "./compare.module.css";

export interface ScatterAxes {
  across?: string | undefined;
  up?: string | undefined;
  /** By which points are coloured; none: by their run. */
  tint?: string | undefined;
  /** By which they are larger. */
  size?: string | undefined;
}

interface Props {
  runs: readonly CompareRun[];
  colors: ReadonlyMap<string, string>;
  modes: Modes;
  axes: ScatterAxes;
  onAxes: (axes: ScatterAxes) => void;
}

const WIDTH = 900;
const HEIGHT = 460;
const PAD = { left: 70, right: 24, top: 16, bottom: 48 };
/** More points than these are named on hover only. */
const NAMED_MOST = 24;
export const words = (held: unknown): string => (typeof held === "number" ? value(held) : typeof held === "string" ? held : JSON.stringify(held));

/** Parameters that differ first, then metrics: as choices of an axis. */
export function useFields(runs: readonly CompareRun[]) {
  const { t } = useTranslation("runs");
  return useMemo(() => {
    const metrics = commonKeys(runs);
    const parameters = parameterRows(runs);
    const sorted = [...parameters.filter(({ differs }) => differs), ...parameters.filter(({ differs }) => !differs)];
    const options = [
      { group: t("list.groupParameters"), items: sorted.map(({ key }) => ({ value: `params.${key}`, label: key })) },
      { group: t("list.groupMetrics"), items: metrics.map((key) => ({ value: `metrics.${key}`, label: key })) },
    ].filter(({ items }) => items.length);
    return { metrics, parameters: sorted, options };
  }, [runs, t]);
}

/** Two parameters or metrics against each other: a point for each run, coloured and sized by others. */
export function CompareScatter({ runs, colors, modes, axes, onAxes }: Props) {
  const { t } = useTranslation("runs");
  const { metrics, parameters, options } = useFields(runs);
  const usual = parameters.find(({ differs, values }) => differs && values.every((each) => typeof each === "number")) ?? parameters.find(({ differs }) => differs);
  const x = axes.across ?? (usual ? `params.${usual.key}` : `metrics.${metrics[0] ?? ""}`);
  const y = axes.up ?? `metrics.${metrics.find((key) => modes.has(key) && /val|test/.test(key)) ?? metrics[0] ?? ""}`;
  const tint = useAxis(runs, axes.tint, modes);
  const size = useAxis(runs, axes.size, modes);
  const points = runs.map((run) => ({
    run,
    x: heldBy(run, x, modes),
    y: heldBy(run, y, modes),
    color: tint ? colorAt(tint, heldBy(run, axes.tint ?? "", modes)) : (colors.get(run.id) ?? ""),
    radius: size ? 4 + 9 * (shareOf(size, heldBy(run, axes.size ?? "", modes)) ?? 0) : 6,
    more: [axes.tint, axes.size].flatMap((field) => (field ? [`${titleOf(field)} ${words(heldBy(run, field, modes) ?? "–")}`] : [])),
  }));
  return (
    <>
      <div className={classes.bar}>
        <Select searchable allowDeselect={false} label={t("compare.across")} data={options} value={x} onChange={(chosen) => chosen && onAxes({ across: chosen })} />
        <Select searchable allowDeselect={false} label={t("compare.up")} data={options} value={y} onChange={(chosen) => chosen && onAxes({ up: chosen })} />
        <Select searchable clearable label={t("compare.tint")} placeholder={t("compare.byRun")} data={options} value={axes.tint ?? null} onChange={(chosen) => onAxes({ tint: chosen ?? undefined })} clearButtonProps={CLEAR(t("verb.clear", { ns: "common" }))} />
        <Select searchable clearable label={t("compare.size")} placeholder={t("compare.allSame")} data={options} value={axes.size ?? null} onChange={(chosen) => onAxes({ size: chosen ?? undefined })} clearButtonProps={CLEAR(t("verb.clear", { ns: "common" }))} />
        {tint && axes.tint ? <Scale axis={tint} /> : null}
      </div>
      <Chart points={points} across={titleOf(x)} up={titleOf(y)} />
    </>
  );
}

const CLEAR = (label: string) => ({ "aria-label": label });

function useAxis(runs: readonly CompareRun[], field: string | undefined, modes: Modes): Axis | undefined {
  return useMemo(() => (field ? axisOf(runs.map((run) => heldBy(run, field, modes)), words) : undefined), [runs, field, modes]);
}

export const colorAt = (axis: Axis, held: unknown): string => {
  const share = shareOf(axis, held);
  return share === undefined ? "var(--cancelled)" : mixed(share);
};

/** Which colour means what. */
export function Scale({ axis }: { axis: Axis }) {
  const first = axis.ticks[0]?.label ?? "";
  const last = axis.ticks.at(-1)?.label ?? "";
  return (
    <span className={classes.scale}>
      <span>{first}</span>
      <span className={classes.ramp} aria-hidden style={{ background: `linear-gradient(to right in oklch, ${mixed(0)}, ${mixed(1)})` }} />
      <span>{last}</span>
    </span>
  );
}

interface Point {
  run: CompareRun;
  x: unknown;
  y: unknown;
  color: string;
  radius: number;
  more: readonly string[];
}

function Chart({ points, across, up }: { points: readonly Point[]; across: string; up: string }) {
  const { t } = useTranslation("runs");
  const x = axisOf(points.map((point) => point.x), words, 8);
  const y = axisOf(points.map((point) => point.y), words);
  if (!x || !y) return <p className="soft">{t("compare.noPoints")}</p>;
  const left = (at: number): number => PAD.left + ((at - x.low) / (x.high - x.low)) * (WIDTH - PAD.left - PAD.right);
  const top = (at: number): number => HEIGHT - PAD.bottom - ((at - y.low) / (y.high - y.low)) * (HEIGHT - PAD.top - PAD.bottom);
  const placed = points.flatMap((point) => {
    const [px, py] = [x.place(point.x), y.place(point.y)];
    return px === undefined || py === undefined ? [] : [{ ...point, left: left(px), top: top(py) }];
  });
  const missing = points.length - placed.length;
  return (
    <figure className={`surface ${classes.scatter}`} style={{ margin: 0 }} aria-label={t("compare.scatterOf", { up, across })}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`}>
        <Axes x={x} y={y} left={left} top={top} />
        <text className={classes["axis-name"]} x={(PAD.left + WIDTH - PAD.right) / 2} y={HEIGHT - 6} textAnchor="middle">
          {across}
        </text>
        <text className={classes["axis-name"]} transform={`translate(14 ${(HEIGHT - PAD.bottom) / 2}) rotate(-90)`} textAnchor="middle">
          {up}
        </text>
        {placed.map((point) => (
          <Dot key={point.run.id} point={point} across={across} up={up} named={placed.length <= NAMED_MOST} />
        ))}
      </svg>
      {missing ? <figcaption className="soft">{t("compare.missing", { count: missing, n: missing })}</figcaption> : null}
    </figure>
  );
}

function Dot({ point, across, up, named }: { point: Point & { left: number; top: number }; across: string; up: string; named: boolean }) {
  const isRight = point.left > WIDTH - 160;
  return (
    <Link to="/runs/$runId" params={{ runId: point.run.id }} aria-label={`${point.run.name}: ${across} ${words(point.x)}, ${up} ${words(point.y)}`}>
      <circle cx={point.left} cy={point.top} r={point.radius} style={{ fill: point.color }}>
        <title>{[point.run.name, `${across} ${words(point.x)}`, `${up} ${words(point.y)}`, ...point.more].join("\n")}</title>
      </circle>
      {named ? (
        <text className={classes["point-name"]} x={point.left + (isRight ? -1 : 1) * (point.radius + 4)} y={point.top + 4} textAnchor={isRight ? "end" : "start"} aria-hidden>
          {point.run.name}
        </text>
      ) : null}
    </Link>
  );
}

interface AxesProps {
  x: Axis;
  y: Axis;
  left: (at: number) => number;
  top: (at: number) => number;
}

function Axes({ x, y, left, top }: AxesProps) {
  return (
    <g aria-hidden>
      {y.ticks.map(({ at, label }) => (
        <g key={at}>
          <line className={classes["grid-line"]} x1={PAD.left} x2={WIDTH - PAD.right} y1={top(at)} y2={top(at)} />
          <text x={PAD.left - 8} y={top(at) + 4} textAnchor="end">
            {label}
          </text>
        </g>
      ))}
      {x.ticks.map(({ at, label }) => (
        <g key={at}>
          <line className={classes["grid-line"]} y1={PAD.top} y2={HEIGHT - PAD.bottom} x1={left(at)} x2={left(at)} />
          <text x={left(at)} y={HEIGHT - PAD.bottom + 18} textAnchor="middle">
            {label}
          </text>
        </g>
      ))}
    </g>
  );
}
