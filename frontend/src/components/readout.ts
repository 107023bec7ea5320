import type { Curve } from "@/lib/curves";
import { NONE } from "@/lib/format";
import { xText, type XKind } from "./plot-axes";

type Place = HTMLElement | null;

/** Writes the values that are pointed at into the page, without rendering it; only which curves there are is told to React. */
export class Readout {
  kind: XKind = "step";
  format: (y: number) => string = String;
  /** What is said of values that are not drawn as points: such that are not finite, and such below a logarithmic axis. */
  words: (odd: boolean, below: boolean) => string = () => "";
  private curves: readonly Curve[] = [];
  private names = "";
  private place: Place = null;
  private first: Place = null;
  private empty: Place = null;
  private note: Place = null;
  private readonly entries: Place[] = [];
  private readonly listeners = new Set<() => void>();

  readonly setPlace = (element: Place): void => void (this.place = element);
  readonly setFirst = (element: Place): void => void (this.first = element);
  readonly setEmpty = (element: Place): void => void (this.empty = element);
  readonly setNote = (element: Place): void => void (this.note = element);
  readonly setEntry = (index: number, element: Place): void => void (this.entries[index] = element);

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly named = (): readonly Curve[] => this.curves;

  readonly tellOdd = (odd: boolean, below: boolean): void => {
    const text = odd || below ? this.words(odd, below) : "";
    write(this.note, text);
    if (this.note) this.note.hidden = !text;
  };

  readonly show = (x: number | null, curves: readonly Curve[], values: readonly number[]): void => {
    const text = (index: number): string => (curves[index]?.length ? this.format(values[index]!) : NONE);
    write(this.place, x === null ? "" : xText(this.kind, x));
    write(this.first, curves.length ? text(0) : "");
    this.entries.forEach((element, index) => write(element, text(index)));
    if (this.empty) this.empty.hidden = curves.some((curve) => curve.length > 0);
    const names = curves.map(({ id, label, color }) => `${id} ${label} ${color}`).join("\n");
    if (names === this.names) return;
    this.names = names;
    this.curves = curves;
    for (const listener of this.listeners) listener();
  };
}

function write(element: Place, text: string): void {
  if (element && element.textContent !== text) element.textContent = text;
}
