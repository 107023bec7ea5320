import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import type { Curve, CurveSource } from "@/lib/curves";
import { count } from "@/lib/format";
import { xText, type XKind } from "./plot-axes";

interface Props {
  id: string;
  source: CurveSource;
  kind: XKind;
  format: (y: number) => string;
}

/** Often enough for who listens; a screen reader is not told of every point. */
const PAUSE = 5_000;

/** What a chart shows in sentences: points, last, least and greatest of each curve. */
export function SeriesSummary({ id, source, kind, format }: Props) {
  const { t } = useTranslation();
  const element = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = (): void => {
      timer = undefined;
      const sentences = source.curves().map((curve) => {
        const found = statistics(curve);
        if (!found) return t("chart.noPoints", { label: curve.label });
        const { points, odd, last, lastX, min, max } = found;
        const summary = t("chart.summary", { label: curve.label, points: count(points), last: format(last), at: xText(kind, lastX), min: format(min), max: format(max) });
        return odd ? `${summary} ${t("chart.oddCount", { count: odd, n: count(odd) })}` : summary;
      });
      if (element.current) element.current.textContent = sentences.join(" ") || t("chart.empty");
    };
    write();
    const end = source.subscribe(() => {
      timer ??= setTimeout(write, PAUSE);
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [source, kind, format, t]);
  return <p id={id} ref={element} className="visually-hidden" />;
}

/** Of the finite values, and how many are not; null without any finite one. */
export function statistics(curve: Curve): { points: number; odd: number; last: number; lastX: number; min: number; max: number } | null {
  let points = 0;
  let last = NaN;
  let lastX = NaN;
  let min = Infinity;
  let max = -Infinity;
  for (let at = 0; at < curve.length; at += 1) {
    const each = curve.y[at]!;
    if (!Number.isFinite(each)) continue;
    points += 1;
    last = each;
    lastX = curve.x[at]!;
    if (each < min) min = each;
    if (each > max) max = each;
  }
  return points ? { points, odd: curve.length - points, last, lastX, min, max } : null;
}
