import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { firstFrom, nearest, type Curve, type CurveSource } from "@/lib/curves";
import { drawNever, drawSoon, type Drawable } from "@/lib/frames";
import { hoverGroup, joinGroup, type Hovered } from "./hover-group";
import { axesOf, colorOf, onTheme, type XKind } from "./plot-axes";
import { Dots } from "./plot-dots";
import { drawCurve, Line, projectionOf, type Projection } from "./plot-lines";

export type Span = readonly [number, number];

/** A line across the chart at one x, with a word at its top. */
export interface Mark {
  x: number;
  label: string;
  color?: string;
}

export interface PlotOptions {
  source: CurveSource;
  kind: XKind;
  format: (y: number) => string;
  height: number;
  log: boolean;
  /** x is logarithmic; what is not positive has no place. */
  logX: boolean;
  /** The y axis begins at 0 where no value is below it. */
  zero: boolean;
  /** Charts of one group point at the same x together. */
  group: string;
  onRange: (range: Span | null) => void;
  /** The values at `x` that is pointed at, else the last ones, in the order of the curves. */
  onValues: (x: number | null, curves: readonly Curve[], values: readonly number[]) => void;
  /** Whether values in sight are not finite, and whether some have no place on a logarithmic axis. */
  onOdd: (odd: boolean, below: boolean) => void;
}

/** Pixels of which the least and the greatest value are drawn. More than one, so that a part that is known more finely looks like the rest. */
const COLUMN = 1.5;
const NOTHING: uPlot.AlignedData = [[0, 1]];

/** A chart on a canvas: uPlot has the axes, the scales and the pointer; the lines are drawn here, as many points as there are pixels. */
export class Plot implements Drawable, Hovered {
  private readonly chart: uPlot;
  private readonly lines: Line[] = [];
  private readonly dots = new Dots();
  private readonly values: number[] = [];
  private readonly ends: (() => void)[];
  private curves: readonly Curve[] = [];
  private range: Span | null = null;
  private smoothing = 0;
  private band = false;
  private marks: readonly Mark[] = [];
  private hidden: ReadonlySet<string> = new Set();
  private strong: string | null = null;
  private shown = false;
  private at: number | null = null;
  private readonly y = { min: 0, max: 1 };
  private readonly x = { min: 0, max: 1 };

  constructor(
    host: HTMLElement,
    private readonly options: PlotOptions,
    width: number,
  ) {
    this.chart = new uPlot(this.setup(width), NOTHING, host);
    this.ends = [
      options.source.subscribe(() => this.changed()),
      joinGroup(options.group, this),
      onTheme(() => this.changed()),
    ];
  }

  destroy(): void {
    for (const end of this.ends) end();
    drawNever(this);
    this.chart.destroy();
  }

  /** Whether anybody can see it: what is out of sight is not drawn. */
  show(shown: boolean): void {
    this.shown = shown;
    if (shown) drawSoon(this);
  }

  resize(width: number): void {
    if (width === this.chart.width || width <= 0) return;
    this.chart.setSize({ width, height: this.options.height });
    this.changed();
  }

  look(range: Span | null, smoothing: number, band: boolean, marks: readonly Mark[], hidden: ReadonlySet<string>): void {
    this.range = range;
    this.smoothing = smoothing;
    this.band = band;
    this.marks = marks;
    this.hidden = hidden;
    this.changed();
  }

  /** One curve stands out; null: none does. */
  emphasise(id: string | null): void {
    this.strong = id;
    this.changed();
  }

  hover(x: number | null): void {
    this.at = x;
    const left = x === null ? -10 : this.chart.valToPos(x, "x");
    this.chart.setCursor({ left, top: left < 0 ? -10 : 1 }, false);
    if (this.shown) this.tell();
  }

  /** The x that is pointed at, if any. */
  get pointedAt(): number | null {
    return this.at;
  }

  /** What is shown of x now. */
  span(): Span {
    return [this.x.min, this.x.max];
  }

  changed(): void {
    if (this.shown) drawSoon(this);
  }

  draw(): void {
    if (!this.shown) return;
    this.curves = this.options.source.curves();
    this.fit();
    this.chart.batch(() => {
      this.chart.setScale("x", { min: this.x.min, max: this.x.max });
      this.chart.setScale("y", { min: this.y.min, max: this.y.max });
    });
    this.tell();
  }

  private setup(width: number): uPlot.Options {
    const { kind, format, height, log } = this.options;
    return {
      width,
      height,
      legend: { show: false },
      padding: [10, kind === "step" ? 12 : 26, 0, 0],
      scales: {
        x: { time: kind === "time", ...(this.options.logX ? { distr: 3 as const, log: 10 as const } : {}), range: (_, min, max) => [min, max] },
        y: log ? { distr: 3, log: 10, range: (_, min, max) => [min, max] } : { range: (_, min, max) => [min, max] },
      },
      series: [{}],
      axes: axesOf(kind, format),
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: 4 },
        bind: { dblclick: () => () => (this.options.onRange(null), null) },
      },
      hooks: {
        draw: [() => this.drawLines()],
        setCursor: [(chart) => this.pointed(chart)],
        setSelect: [(chart) => this.selected(chart)],
      },
    };
  }

  private pointed(chart: uPlot): void {
    const left = chart.cursor.left ?? -10;
    this.at = left < 0 ? null : chart.posToVal(left, "x");
    this.tell();
    hoverGroup(this.options.group, this.at, this);
  }

  private selected(chart: uPlot): void {
    const { left, width } = chart.select;
    if (width < 4) return;
    chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.options.onRange([chart.posToVal(left, "x"), chart.posToVal(left + width, "x")]);
  }

  /** Thins the curves to the width, and finds the scales. */
  private fit(): void {
    this.fitX();
    const columns = Math.max(16, Math.round(this.chart.bbox.width / devicePixelRatio / COLUMN));
    this.y.min = Infinity;
    this.y.max = -Infinity;
    this.curves.forEach((curve, index) => {
      const line = (this.lines[index] ??= new Line());
      if (this.hidden.has(curve.id)) return void (line.count = 0);
      line.take(curve, this.x.min, this.x.max, { columns, smoothing: this.smoothing, logX: this.options.logX, band: this.band });
      line.range(this.options.log, this.y);
    });
    const drawn = this.lines.slice(0, this.curves.length);
    this.options.onOdd(drawn.some(({ count, odd }) => count > 0 && odd.length > 0), this.options.log && drawn.some((line) => line.isBelow));
    if (this.y.min > this.y.max) Object.assign(this.y, { min: this.options.log ? 0.1 : 0, max: 1 });
    const { log, zero } = this.options;
    // Of nothing but zeros the axis ends at one, not at a hundred.
    const top = zero && this.y.max <= 0 ? 1 : this.y.max;
    const [min, max] = log ? uPlot.rangeLog(this.y.min, this.y.max, 10, false) : uPlot.rangeNum(zero ? Math.min(0, this.y.min) : this.y.min, top, 0.08, true);
    this.y.min = min ?? 0;
    this.y.max = max ?? 1;
  }

  private fitX(): void {
    let min = Infinity;
    let max = -Infinity;
    if (this.range) [min, max] = this.range;
    else
      for (const curve of this.curves) {
        if (!curve.length || this.hidden.has(curve.id)) continue;
        const first = this.options.logX ? firstFrom(curve.x, curve.length, Number.MIN_VALUE) : 0;
        if (first >= curve.length) continue;
        min = Math.min(min, curve.x[first]!);
        max = Math.max(max, curve.x[curve.length - 1]!);
      }
    if (min > max) [min, max] = this.options.logX ? [1, 10] : [0, 1];
    if (min === max) [min, max] = this.options.logX ? [min / 2, max * 2] : [min - 0.5, max + 0.5];
    this.x.min = min;
    this.x.max = max;
  }

  private drawLines(): void {
    const { ctx, bbox } = this.chart;
    const to = projectionOf(bbox, this.x, this.y, this.options);
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top - devicePixelRatio, bbox.width, bbox.height + 2 * devicePixelRatio);
    ctx.clip();
    ctx.lineCap = "round";
    this.drawMarks(ctx, to);
    this.curves.forEach((curve, index) => {
      const line = this.lines[index];
      const faded = this.strong !== null && this.strong !== curve.id && this.strong !== curve.group ? 0.2 : 1;
      if (line?.count) drawCurve(ctx, curve, line, to, { color: colorOf(curve.color), faded });
    });
    ctx.restore();
  }

  private drawMarks(ctx: CanvasRenderingContext2D, to: Projection): void {
    const { top } = this.chart.bbox;
    ctx.font = `${10 * devicePixelRatio}px "Inter Variable", sans-serif`;
    ctx.lineWidth = devicePixelRatio;
    ctx.textBaseline = "top";
    for (const mark of this.marks) {
      if (mark.x < this.x.min || mark.x > this.x.max) continue;
      const x = Math.round(to.x(mark.x)) + 0.5;
      ctx.strokeStyle = ctx.fillStyle = colorOf(mark.color ?? "var(--soft)");
      ctx.setLineDash([3 * devicePixelRatio, 3 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, to.bottom);
      ctx.stroke();
      ctx.fillText(mark.label, x + 4 * devicePixelRatio, top);
    }
  }

  /** Dots and values at the x that is pointed at. */
  private tell(): void {
    this.values.length = this.curves.length;
    this.curves.forEach((curve, index) => {
      const at = this.at === null ? curve.length - 1 : nearest(curve.x, curve.length, this.at);
      const y = at < 0 ? NaN : curve.y[at]!;
      this.values[index] = y;
      if (this.at === null || !Number.isFinite(y) || this.hidden.has(curve.id)) return this.dots.hide(index);
      this.dots.put(this.chart.over, index, curve.color, this.chart.valToPos(curve.x[at]!, "x"), this.chart.valToPos(y, "y"));
    });
    this.dots.hideFrom(this.curves.length);
    this.options.onValues(this.at, this.curves, this.values);
  }
}
