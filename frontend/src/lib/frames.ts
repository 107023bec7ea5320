/** What draws when it is its turn. */
export interface Drawable {
  draw(): void;
}

/** Milliseconds of a frame that may go into drawing; what does not fit waits for the next one, first come first drawn. */
const SHARE = 6;
/** And so many drawings at most: what a canvas was told is painted after our share, and costs about as much again. */
const MOST = 4;
/** The name of the measure that says how long each frame's drawing took. */
export const FRAME_MEASURE = "bedplate.charts.frame";

const waiting = new Set<Drawable>();
let frame = 0;

/** Draw in the next frame; asking again before it changes nothing. */
export function drawSoon(one: Drawable): void {
  waiting.add(one);
  frame ||= requestAnimationFrame(drawFrame);
}

/** It is gone: it is not drawn any more. */
export function drawNever(one: Drawable): void {
  waiting.delete(one);
}

function drawFrame(): void {
  frame = 0;
  const start = performance.now();
  let drawn = 0;
  for (const one of waiting) {
    waiting.delete(one);
    one.draw();
    drawn += 1;
    if (drawn === MOST || performance.now() - start > SHARE) break;
  }
  if (waiting.size) frame ||= requestAnimationFrame(drawFrame);
  // Whoever observes measures hears of it; the browser's own list of them must not grow for hours.
  performance.measure(FRAME_MEASURE, { start });
  performance.clearMeasures(FRAME_MEASURE);
}
