/** Ten colours that colour-blind readers can tell apart (after Okabe and Ito, and Tol), as CSS variables: the theme has a pair of each. */
export const SERIES = Array.from({ length: 10 }, (_, index) => `var(--series-${index})`);

/** The same colour for the same id on every page: by its last digits, which differ most in a UUIDv7. */
export function seriesIndex(id: string): number {
  let hash = 0;
  for (const character of id.slice(-12)) hash = (hash * 31 + character.charCodeAt(0)) >>> 0;
  return hash % SERIES.length;
}

/** Distinct colours for what is shown together: an id keeps its own where nobody before it has it. */
export function seriesIndices(ids: readonly string[]): Map<string, number> {
  const taken = new Set<number>();
  const found = new Map<string, number>();
  for (const id of ids) {
    let index = seriesIndex(id);
    for (let tries = 0; taken.has(index) && tries < SERIES.length; tries += 1) index = (index + 1) % SERIES.length;
    taken.add(index);
    if (taken.size === SERIES.length) taken.clear();
    found.set(id, index);
  }
  return found;
}

/** How the lines of those beyond the tenth are drawn, whose colours come a second time; nothing for the first ten, which are whole. */
export function dashOf(place: number): readonly number[] {
  return DASHES[Math.floor(place / SERIES.length) % DASHES.length]!;
}

const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3], [4, 4]];

/** What a curve is known by in a list: its colour, in stripes where its line is dashed. */
export const swatch = (color: string, isDashed: boolean): { background: string } => ({
  background: isDashed ? `repeating-linear-gradient(90deg, ${color} 0 3px, transparent 3px 5px)` : color,
});

/** The colour as the theme has it now, for a canvas. */
export function resolved(variable: string, element: Element = document.documentElement): string {
  const name = /^var\((--[\w-]+)\)$/.exec(variable)?.[1];
  return name ? getComputedStyle(element).getPropertyValue(name).trim() : variable;
}
