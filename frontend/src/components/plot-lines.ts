import { bandInto, bandRoom, extendRange, firstFrom, oddOf, roomFor, SMOOTHED_UNITS, smoothInto, thinInto, type Curve, type Odd } from "@/lib/curves";

/** How a curve is taken: columns of pixels, weight of its moving average, whether x is logarithmic, whether its band is wanted. */
export interface Taking {
  columns: number;
  smoothing: number;
  logX: boolean;
  band: boolean;
}

/** Columns of pixels of which a band shows the least and the greatest. */
const BAND_COLUMNS = 4;

/** The shown part of one curve, thinned to the width; its arrays are used again for every frame. */
export class Line {
  x = new Float64Array(0);
  y = new Float64Array(0);
  smooth = new Float64Array(0);
  count = 0;
  isSmooth = false;
  /** Least, greatest and mean of parts of the line, where a band is wanted; none: `parts` is 0. */
  band = { x: new Float64Array(0), low: new Float64Array(0), high: new Float64Array(0), mean: new Float64Array(0) };
  parts = 0;
  /** Where there are values that have no place on any axis. */
  odd: { x: number; kind: Odd }[] = [];
  private logs = new Float64Array(0);

  /** Take the points between `low` and `high`, and one more on either side, so that lines go on to the edge. */
  take(curve: Curve, low: number, high: number, { columns, smoothing, logX, band }: Taking): void {
    this.makeRoom(roomFor(columns));
    // Of a logarithmic axis nothing lies before its beginning.
    const from = Math.max(logX ? firstFrom(curve.x, curve.length, Number.MIN_VALUE) : 0, firstFrom(curve.x, curve.length, low) - 1);
    const to = Math.min(curve.length, firstFrom(curve.x, curve.length, high) + 2);
    this.isSmooth = smoothing > 0 && to - from > 2;
    this.count = to > from ? (logX ? this.thinLogs(curve, from, to, columns) : thinInto(curve.x, curve.y, from, to, columns, this.x, this.y)) : 0;
    this.parts = 0;
    this.odd = this.count && curve.odd !== 0 ? oddOf(curve.x, curve.y, from, to, columns) : [];
    if (curve.low && curve.high && this.count) this.takeGiven(curve.x, curve.y, curve.low, curve.high, from, to, columns);
    else if (band && !logX && this.count) this.takeBand(columns);
    if (!this.isSmooth || !this.count) return;
    const unit = (this.x[this.count - 1]! - this.x[0]!) / Math.min(to - from - 1, SMOOTHED_UNITS) || 1;
    smoothInto(this.x, this.y, this.count, smoothing, unit, this.smooth);
  }

  /** As `thinInto`, by columns of the logarithm of x. */
  private thinLogs(curve: Curve, from: number, to: number, columns: number): number {
    if (this.logs.length < to) this.logs = new Float64Array(curve.x.length);
    for (let at = from; at < to; at += 1) this.logs[at] = Math.log10(curve.x[at]!);
    const count = thinInto(this.logs, curve.y, from, to, columns, this.x, this.y);
    for (let at = 0; at < count; at += 1) this.x[at] = 10 ** this.x[at]!;
    return count;
  }

  private makeBand(wanted: number): void {
    if (this.band.x.length >= bandRoom(wanted)) return;
    const made = (): Float64Array<ArrayBuffer> => new Float64Array(bandRoom(wanted));
    this.band = { x: made(), low: made(), high: made(), mean: made() };
  }

  /** The band that the curve brings; of many points the ends of so many parts. */
  private takeGiven(x: Float64Array, y: Float64Array, low: Float64Array, high: Float64Array, from: number, to: number, columns: number): void {
    const stride = Math.max(1, Math.ceil((to - from) / columns));
    this.makeBand(Math.ceil((to - from) / stride));
    for (let at = from; at < to; at += stride) {
      let [least, most] = [NaN, NaN];
      const end = Math.min(to, at + stride);
      for (let each = at; each < end; each += 1) {
        if (!(low[each]! >= least) && Number.isFinite(low[each])) least = low[each]!;
        if (!(high[each]! <= most) && Number.isFinite(high[each])) most = high[each]!;
      }
      const middle = (at + end - 1) >> 1;
      this.band.x[this.parts] = x[middle]!;
      this.band.mean[this.parts] = y[middle]!;
      this.band.low[this.parts] = least;
      this.band.high[this.parts] = most;
      this.parts += 1;
    }
  }

  private takeBand(columns: number): void {
    const wanted = Math.ceil(columns / BAND_COLUMNS);
    this.makeBand(wanted);
    const width = (this.x[this.count - 1]! - this.x[0]!) / wanted;
    if (width > 0) this.parts = bandInto(this.x, this.y, this.count, width, this.band);
  }

  /** Widens `into` to what is shown. */
  range(positive: boolean, into: { min: number; max: number }): void {
    extendRange(this.y, this.count, positive, into);
    extendRange(this.band.low, this.parts, positive, into);
    extendRange(this.band.high, this.parts, positive, into);
  }

  /** Whether some of its values have no place on a logarithmic axis. */
  get isBelow(): boolean {
    for (let at = 0; at < this.count; at += 1) if (this.y[at]! <= 0 && Number.isFinite(this.y[at])) return true;
    return false;
  }

  private makeRoom(room: number): void {
    if (this.x.length >= room) return;
    this.x = new Float64Array(room);
    this.y = new Float64Array(room);
    this.smooth = new Float64Array(room);
  }
}

/** From the unit square of a plot to pixels of its canvas. */
export interface Projection {
  x: (value: number) => number;
  y: (value: number) => number;
  top: number;
  bottom: number;
  log: boolean;
}

interface Place {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Where values lie on the canvas: its place, what it shows of x and y, and which of the two is logarithmic. */
export function projectionOf(place: Place, x: { min: number; max: number }, y: { min: number; max: number }, { log, logX }: { log: boolean; logX: boolean }): Projection {
  const [lowX, highX] = logX ? [Math.log10(x.min), Math.log10(x.max)] : [x.min, x.max];
  const [lowY, highY] = log ? [Math.log10(y.min), Math.log10(y.max)] : [y.min, y.max];
  const perX = place.width / (highX - lowX);
  const perY = place.height / (highY - lowY);
  const bottom = place.top + place.height;
  return {
    x: logX ? (value) => place.left + (Math.log10(value) - lowX) * perX : (value) => place.left + (value - lowX) * perX,
    y: log ? (value) => bottom - (Math.log10(value) - lowY) * perY : (value) => bottom - (value - lowY) * perY,
    top: place.top,
    bottom,
    log,
  };
}

/** One curve: its area, its band, its values, its moving average before them. */
export function drawCurve(ctx: CanvasRenderingContext2D, curve: Curve, line: Line, to: Projection, { color, faded }: { color: string; faded: number }): void {
  const stepped = curve.stepped ?? false;
  ctx.strokeStyle = ctx.fillStyle = color;
  ctx.lineJoin = line.count > 400 ? "bevel" : "round";
  if (curve.area) {
    ctx.globalAlpha = 0.1 * faded;
    ctx.beginPath();
    traceArea(ctx, line, line.y, to, stepped);
    ctx.fill();
  }
  const stroke = (path: () => void, width: number, alpha: number): void => {
    ctx.globalAlpha = alpha * faded;
    ctx.lineWidth = width * devicePixelRatio;
    ctx.beginPath();
    path();
    ctx.stroke();
  };
  ctx.setLineDash((curve.dash ?? []).map((length) => length * devicePixelRatio));
  if (line.parts) {
    ctx.globalAlpha = 0.18 * faded;
    ctx.beginPath();
    traceBand(ctx, line, to);
    ctx.fill();
    if (!line.isSmooth) stroke(() => traceMean(ctx, line, to), 1.5, 1);
  } else stroke(() => trace(ctx, line, line.y, to, stepped), line.isSmooth ? 1 : 1.5, line.isSmooth ? 0.25 : 1);
  if (line.isSmooth) stroke(() => trace(ctx, line, line.smooth, to, stepped), 1.75, 1);
  ctx.setLineDash([]);
  if (line.odd.length) stroke(() => traceOdd(ctx, line, to), 1.5, 1);
}

/** Half of the size of a mark: CSS px. */
const MARK = 3;

/** Adds marks of what no axis has a place for: a cross at the foot for NaN, an arrow head at the top or the foot for the infinities. */
function traceOdd(context: CanvasRenderingContext2D, line: Line, to: Projection): void {
  const size = MARK * devicePixelRatio;
  for (const { x, kind } of line.odd) {
    const px = to.x(x);
    const py = kind === "up" ? to.top + 2 * size : to.bottom - 2 * size;
    const tip = kind === "up" ? -size : size;
    if (kind === "nan") {
      context.moveTo(px - size, py - size);
      context.lineTo(px + size, py + size);
      context.moveTo(px - size, py + size);
      context.lineTo(px + size, py - size);
    } else {
      context.moveTo(px - size, py - tip);
      context.lineTo(px, py + tip);
      context.lineTo(px + size, py - tip);
    }
  }
}

/** Whether there is a value to draw: a gap is none, nor is what a log scale has no place for. */
const isDrawn = (line: Line, y: Float64Array, at: number, log: boolean): boolean => at < line.count && Number.isFinite(y[at]) && (!log || y[at]! > 0);

/** Adds the line to the path that `context` is at; a gap lifts the pen. */
function trace(context: CanvasRenderingContext2D, line: Line, y: Float64Array, to: Projection, stepped: boolean): void {
  let drawing = false;
  let before = 0;
  for (let at = 0; at < line.count; at += 1) {
    if (!isDrawn(line, y, at, to.log)) {
      drawing = false;
      continue;
    }
    const each = y[at]!;
    const px = to.x(line.x[at]!);
    const py = to.y(each);
    if (!drawing) {
      context.moveTo(px, py);
      // A point between two gaps is to be seen too: as a disc.
      if (!isDrawn(line, y, at + 1, to.log)) context.arc(px, py, context.lineWidth, 0, 2 * Math.PI);
      else context.lineTo(px + 0.01, py);
    } else {
      if (stepped) context.lineTo(px, before);
      context.lineTo(px, py);
    }
    before = py;
    drawing = true;
  }
}

/** Adds the band of a line to the path that is to be filled: there along the greatest, back along the least. */
function traceBand(context: CanvasRenderingContext2D, line: Line, to: Projection): void {
  const { x, low, high } = line.band;
  const isThere = (at: number): boolean => at < line.parts && Number.isFinite(low[at]) && (!to.log || low[at]! > 0);
  for (let at = 0; at < line.parts; at += 1) {
    if (!isThere(at)) continue;
    const first = at;
    context.moveTo(to.x(x[at]!), to.y(high[at]!));
    while (isThere(at + 1)) {
      at += 1;
      context.lineTo(to.x(x[at]!), to.y(high[at]!));
    }
    for (let back = at; back >= first; back -= 1) context.lineTo(to.x(x[back]!), to.y(low[back]!));
    context.closePath();
  }
}

/** Adds the means of a line's parts to the path that `context` is at. */
function traceMean(context: CanvasRenderingContext2D, line: Line, to: Projection): void {
  const { x, mean } = line.band;
  let drawing = false;
  for (let at = 0; at < line.parts; at += 1) {
    const isThere = Number.isFinite(mean[at]) && (!to.log || mean[at]! > 0);
    if (isThere && drawing) context.lineTo(to.x(x[at]!), to.y(mean[at]!));
    else if (isThere) context.moveTo(to.x(x[at]!), to.y(mean[at]!));
    drawing = isThere;
  }
}

/** Closes each unbroken part of the line at the bottom and adds it to the path that is to be filled. */
function traceArea(context: CanvasRenderingContext2D, line: Line, y: Float64Array, to: Projection, stepped: boolean): void {
  let start = NaN;
  let last = NaN;
  let before = 0;
  const close = (): void => {
    if (Number.isNaN(start)) return;
    context.lineTo(last, to.bottom);
    context.lineTo(start, to.bottom);
    start = NaN;
  };
  for (let at = 0; at < line.count; at += 1) {
    if (!isDrawn(line, y, at, to.log)) {
      close();
      continue;
    }
    const each = y[at]!;
    last = to.x(line.x[at]!);
    const py = to.y(each);
    if (Number.isNaN(start)) {
      start = last;
      context.moveTo(last, py);
    } else if (stepped) context.lineTo(last, before);
    context.lineTo(last, py);
    before = py;
  }
  close();
}
