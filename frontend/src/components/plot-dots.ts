/** Small discs over a chart, one for each curve: where it is at the x that is pointed at. */
export class Dots {
  private readonly made: HTMLElement[] = [];

  /** Move the dot of a curve, in CSS pixels of `over`. */
  put(over: HTMLElement, index: number, color: string, left: number, top: number): void {
    const dot = (this.made[index] ??= append(over));
    dot.style.display = "";
    dot.style.background = color;
    dot.style.transform = `translate(${left}px,${top}px)`;
  }

  hide(index: number): void {
    const dot = this.made[index];
    if (dot) dot.style.display = "none";
  }

  /** Hide those of curves that are no more. */
  hideFrom(index: number): void {
    for (let at = index; at < this.made.length; at += 1) this.hide(at);
  }
}

function append(over: HTMLElement): HTMLElement {
  const dot = document.createElement("div");
  Object.assign(dot.style, { position: "absolute", width: "7px", height: "7px", margin: "-3.5px 0 0 -3.5px", borderRadius: "50%", pointerEvents: "none" });
  over.append(dot);
  return dot;
}
