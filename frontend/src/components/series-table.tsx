import { Table } from "@mantine/core";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Dialog } from "./dialog";
import { firstFrom, nearest, roomFor, thinInto, type Curve, type CurveSource } from "@/lib/curves";
import { NONE } from "@/lib/format";
import type { Span } from "./plot";
import { xText, type XKind } from "./plot-axes";
import classes from "./time-series.module.css";

interface Props {
  title: string;
  source: CurveSource;
  kind: XKind;
  format: (y: number) => string;
  range: Span | null;
  onClose: () => void;
}

/** Half of the rows: least and greatest of each part. */
const PARTS = 100;

/** The numbers of a chart as they are now; of many points the ends and the extremes of a hundred parts. */
export function SeriesTable({ title, source, kind, format, range, onClose }: Props) {
  const { t } = useTranslation();
  const { curves, rows } = useMemo(() => rowsOf(source.curves(), range), [source, range]);
  return (
    <Dialog onClose={onClose} title={title} size="lg">
      <div className={classes.table} tabIndex={0} role="region" aria-label={title}>
        <Table stickyHeader striped>
          <Table.Thead>
            <Table.Tr>
              <Table.Th scope="col">{t(`chart.${kind}`)}</Table.Th>
              {curves.map((curve) => (
                <Table.Th key={curve.id} scope="col" className="num">
                  {curve.label}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map(({ x, values }, index) => (
              <Table.Tr key={index}>
                <Table.Th scope="row" fw={400}>
                  {xText(kind, x)}
                </Table.Th>
                {values.map((each, at) => (
                  <Table.Td key={at} className="num">
                    {each === null ? NONE : format(each)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
    </Dialog>
  );
}

interface Row {
  x: number;
  values: (number | null)[];
}

function rowsOf(curves: readonly Curve[], range: Span | null): { curves: readonly Curve[]; rows: Row[] } {
  const places = new Set<number>();
  const x = new Float64Array(roomFor(PARTS));
  const y = new Float64Array(roomFor(PARTS));
  for (const curve of curves) {
    const from = range ? firstFrom(curve.x, curve.length, range[0]) : 0;
    const to = range ? firstFrom(curve.x, curve.length, range[1]) : curve.length;
    if (to <= from) continue;
    const found = thinInto(curve.x, curve.y, from, to, PARTS, x, y);
    for (let at = 0; at < found; at += 1) places.add(x[at]!);
  }
  const rows = [...places].sort((a, b) => a - b).slice(0, curves.length > 1 ? 4 * PARTS : undefined);
  return { curves, rows: rows.map((at) => ({ x: at, values: curves.map((curve) => valueAt(curve, at)) })) };
}

/** The value at exactly this x; null where the curve has no point. */
function valueAt(curve: Curve, x: number): number | null {
  const at = nearest(curve.x, curve.length, x);
  return at >= 0 && curve.x[at] === x ? curve.y[at]! : null;
}
