import type { Plot, Span } from "./plot";

/** What a key does to a chart: points, zooms or shows all; whether it did anything. */
export function moved(key: string, plot: Plot, range: Span | null, onRange: (range: Span | null) => void): boolean {
  const [low, high] = plot.span();
  const at = plot.pointedAt;
  const middle = at ?? (low + high) / 2;
  const stride = (high - low) / 50;
  const point = (x: number): boolean => {
    plot.hover(Math.min(high, Math.max(low, x)));
    return true;
  };
  const zoom = (factor: number): boolean => {
    onRange([middle - (middle - low) * factor, middle + (high - middle) * factor]);
    return true;
  };
  switch (key) {
    case "ArrowLeft":
      return point(at === null ? high : middle - stride);
    case "ArrowRight":
      return point(at === null ? low : middle + stride);
    case "Home":
      return point(low);
    case "End":
      return point(high);
    case "+":
    case "=":
      return zoom(0.5);
    case "-":
      return range ? zoom(2) : false;
    case "0":
    case "Escape":
      if (!range && at === null) return false;
      plot.hover(null);
      onRange(null);
      return true;
    default:
      return false;
  }
}
