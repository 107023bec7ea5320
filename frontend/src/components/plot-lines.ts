import { extendRange, firstFrom, roomFor, SMOOTHED_UNITS, smoothInto, thinInto, type Curve } from "@/lib/curves";

/** The shown part of one curve, thinned to the width; its arrays are used again for every frame. */
export class Line {
  x = new Float64Array(0);
  y = new Float64Array(0);
  smooth = new Float64Array(0);
  count = 0;
  isSmooth = false;

  /** Take the points between `low` and `high`, and one more on either side, so that lines go on to the edge. */
  take(curve: Curve, low: number, high: number, columns: number, smoothing: number): void {
    this.makeRoom(roomFor(columns));
    const from = Math.max(0, firstFrom(curve.x, curve.length, low) - 1);
    const to = Math.min(curve.length, firstFrom(curve.x, curve.length, high) + 2);
    this.isSmooth = smoothing > 0 && to - from > 2;
    this.count = to > from ? thinInto(curve.x, curve.y, from, to, columns, this.x, this.y) : 0;
    if (!this.isSmooth || !this.count) return;
    const unit = (this.x[this.count - 1]! - this.x[0]!) / Math.min(to - from - 1, SMOOTHED_UNITS) || 1;
    smoothInto(this.x, this.y, this.count, smoothing, unit, this.smooth);
  }

  /** Widens `into` to what is shown. */
  range(positive: boolean, into: { min: number; max: number }): void {
    extendRange(this.y, this.count, positive, into);
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
  bottom: number;
  log: boolean;
}

/** Whether there is a value to draw: a gap is none, nor is what a log scale has no place for. */
const isDrawn = (line: Line, y: Float64Array, at: number, log: boolean): boolean => at < line.count && Number.isFinite(y[at]) && (!log || y[at]! > 0);

/** Adds the line to the path that `context` is at; a gap lifts the pen. */
export function trace(context: CanvasRenderingContext2D, line: Line, y: Float64Array, to: Projection, stepped: boolean): void {
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

/** Closes each unbroken part of the line at the bottom and adds it to the path that is to be filled. */
export function traceArea(context: CanvasRenderingContext2D, line: Line, y: Float64Array, to: Projection, stepped: boolean): void {
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
