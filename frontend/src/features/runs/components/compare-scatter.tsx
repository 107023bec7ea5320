import { Select } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { value } from "@/lib/format";
import type { Run } from "../api";
import { axisOf, commonKeys, flattened, metricValue, parameterRows, type Axis, type Modes } from "../compare";
import classes from "./compare.module.css";

interface Props {
  runs: readonly Run[];
  colors: ReadonlyMap<string, string>;
  modes: Modes;
  across: string | undefined;
  up: string | undefined;
  onAxes: (axes: { across?: string; up?: string }) => void;
}

const WIDTH = 900;
const HEIGHT = 460;
const PAD = { left: 70, right: 24, top: 16, bottom: 48 };
const words = (held: unknown): string => (typeof held === "number" ? value(held) : typeof held === "string" ? held : JSON.stringify(held));

/** A parameter or metric against a metric: a point for each run. */
export function CompareScatter({ runs, colors, modes, across, up, onAxes }: Props) {
  const { t } = useTranslation("runs");
  const metrics = useMemo(() => commonKeys(runs), [runs]);
  const parameters = useMemo(() => parameterRows(runs), [runs]);
  const usual = parameters.find(({ differs, values }) => differs && values.every((each) => typeof each === "number")) ?? parameters.find(({ differs }) => differs);
  const x = across ?? (usual ? `params.${usual.key}` : `metrics.${metrics[0] ?? ""}`);
  const y = up ?? `metrics.${metrics.find((key) => modes.has(key) && /val|test/.test(key)) ?? metrics[0] ?? ""}`;
  const heldBy = (run: Run, axis: string): unknown =>
    axis.startsWith("params.") ? flattened(run.parameters).get(axis.slice(7)) : metricValue(run, axis.slice(8), "best", modes);
  const options = [
    { group: t("list.groupParameters"), items: parameters.map(({ key }) => ({ value: `params.${key}`, label: key })) },
    { group: t("list.groupMetrics"), items: metrics.map((key) => ({ value: `metrics.${key}`, label: key })) },
  ].filter(({ items }) => items.length);
  const named = (axis: string): string => axis.replace(/^(?:params|metrics)\./, "");
  return (
    <>
      <div className={classes.bar}>
        <Select searchable allowDeselect={false} label={t("compare.across")} data={options} value={x} onChange={(chosen) => chosen && onAxes({ across: chosen })} />
        <Select searchable allowDeselect={false} label={t("compare.up")} data={options.slice(-1)} value={y} onChange={(chosen) => chosen && onAxes({ up: chosen })} />
      </div>
      <Chart
        points={runs.map((run) => ({ run, x: heldBy(run, x), y: heldBy(run, y), color: colors.get(run.id) ?? "" }))}
        across={named(x)}
        up={named(y)}
      />
    </>
  );
}

interface Point {
  run: Run;
  x: unknown;
  y: unknown;
  color: string;
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
          <Link key={point.run.id} to="/runs/$runId" params={{ runId: point.run.id }} aria-label={`${point.run.name}: ${across} ${words(point.x)}, ${up} ${words(point.y)}`}>
            <circle cx={point.left} cy={point.top} r={6} fill={point.color}>
              <title>{`${point.run.name}\n${across} ${words(point.x)}\n${up} ${words(point.y)}`}</title>
            </circle>
            <text
              className={classes["point-name"]}
              x={point.left + (point.left > WIDTH - 160 ? -10 : 10)}
              y={point.top + 4}
              textAnchor={point.left > WIDTH - 160 ? "end" : "start"}
              aria-hidden
            >
              {point.run.name}
            </text>
          </Link>
        ))}
      </svg>
      {missing ? <figcaption className="soft">{t("compare.missing", { count: missing, n: missing })}</figcaption> : null}
    </figure>
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
