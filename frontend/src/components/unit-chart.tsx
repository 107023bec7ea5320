import { ActionIcon, Table } from "@mantine/core";
import { IconTable } from "@tabler/icons-react";
import { useId, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { value } from "@/lib/format";
import { Dialog } from "./dialog";
import classes from "./unit-chart.module.css";

export interface Point {
  x: number;
  y: number;
}

export interface Line {
  label: string;
  points: readonly Point[];
  color: string;
  dashed?: boolean;
  /** A dot at each point. */
  dots?: boolean;
  area?: boolean;
}

interface Props {
  title: string;
  /** Beside the title: the figure that sums the chart up. */
  figure?: string;
  x: string;
  y: string;
  lines: readonly Line[];
  /** Where the chosen threshold stands. */
  mark?: (Point & { label: string }) | null;
  /** The chart in a sentence, for those who do not see it. */
  summary: string;
  table: { head: readonly string[]; rows: readonly (readonly string[])[] };
  below?: ReactNode;
}

const SIZE = 260;
const LEFT = 40;
const BOTTOM = 36;
const TOP = 8;
const RIGHT = 10;
const WIDTH = LEFT + SIZE + RIGHT;
const HEIGHT = TOP + SIZE * 0.8 + BOTTOM;
const TICKS = [0, 0.25, 0.5, 0.75, 1];
const across = (x: number): number => LEFT + x * SIZE;
const down = (y: number): number => TOP + (1 - y) * SIZE * 0.8;

const pathOf = (points: readonly Point[]): string => points.map(({ x, y }, index) => `${index ? "L" : "M"}${across(x).toFixed(2)} ${down(y).toFixed(2)}`).join("");

/** Curves in a square of shares, 0 … 1 both ways; the same as a table. */
export function UnitChart({ title, figure, x, y, lines, mark, summary, table, below }: Props) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const id = useId();
  return (
    <figure className={classes.figure} aria-labelledby={`${id}-title`}>
      <figcaption className={classes.head}>
        <h2 id={`${id}-title`}>{title}</h2>
        {figure ? <span className={classes.sum}>{figure}</span> : null}
        <ActionIcon size="sm" aria-label={t("chart.table", { title })} title={t("chart.tableShort")} onClick={() => setOpened(true)}>
          <IconTable size={14} aria-hidden />
        </ActionIcon>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={summary} className={classes.chart}>
        <Grid x={x} y={y} />
        {lines.map((line) => (
          <g key={line.label}>
            {line.area && line.points.length ? (
              <path d={`${pathOf(line.points)}L${across(line.points.at(-1)!.x)} ${down(0)}L${across(line.points[0]!.x)} ${down(0)}Z`} fill={line.color} opacity={0.1} />
            ) : null}
            <path d={pathOf(line.points)} fill="none" stroke={line.color} strokeWidth={line.dashed ? 1 : 2} strokeDasharray={line.dashed ? "4 4" : undefined} strokeLinejoin="round" />
            {line.dots ? line.points.map((point, index) => <circle key={index} cx={across(point.x)} cy={down(point.y)} r={3} fill={line.color} />) : null}
          </g>
        ))}
        {mark ? (
          <circle cx={across(mark.x)} cy={down(mark.y)} r={5} className={classes.mark}>
            <title>{mark.label}</title>
          </circle>
        ) : null}
      </svg>
      {below}
      {opened ? (
        <Dialog onClose={() => setOpened(false)} title={title} size="lg">
          <div className={classes.table} tabIndex={0} role="region" aria-label={title}>
            <Table stickyHeader striped>
              <Table.Thead>
                <Table.Tr>
                  {table.head.map((name) => (
                    <Table.Th key={name} scope="col" className="num">
                      {name}
                    </Table.Th>
                  ))}
                </Table.Tr>
              </Table.Thead>
              <Table.Tbody>
                {table.rows.map((row, index) => (
                  <Table.Tr key={index}>
                    {row.map((cell, at) => (
                      <Table.Td key={at} className="num">
                        {cell}
                      </Table.Td>
                    ))}
                  </Table.Tr>
                ))}
              </Table.Tbody>
            </Table>
          </div>
        </Dialog>
      ) : null}
    </figure>
  );
}

function Grid({ x, y }: { x: string; y: string }) {
  return (
    <g className={classes.grid}>
      {TICKS.map((tick) => (
        <g key={tick}>
          <line x1={across(0)} x2={across(1)} y1={down(tick)} y2={down(tick)} />
          <line x1={across(tick)} x2={across(tick)} y1={down(0)} y2={down(1)} />
          <text x={LEFT - 6} y={down(tick) + 3.5} textAnchor="end">
            {value(tick, 2)}
          </text>
          <text x={across(tick)} y={down(0) + 14} textAnchor="middle">
            {value(tick, 2)}
          </text>
        </g>
      ))}
      <text x={across(0.5)} y={HEIGHT - 6} textAnchor="middle">
        {x}
      </text>
      <text transform={`translate(10 ${down(0.5)}) rotate(-90)`} textAnchor="middle">
        {y}
      </text>
    </g>
  );
}
