/** Curves of the members of one job laid together. Pure. */

export interface Line {
  /** Ascends. */
  x: Float64Array;
  y: Float64Array;
  length: number;
}

export interface Together extends Line {
  /** Least and greatest of the members at each x; `y` is their mean. */
  low: Float64Array;
  high: Float64Array;
}

/** More places than these no chart draws. */
const PLACES_MOST = 8_192;

/**
 * Mean, least and greatest of several curves at every x that one of them has. Between two of its points a member is where the
 * straight line between them is; before its first and after its last one it has no say, nor where it is not finite.
 */
export function together(members: readonly Line[]): Together {
  const x = places(members);
  const made = (): Float64Array => new Float64Array(x.length).fill(NaN);
  const found: Together = { x, y: made(), low: made(), high: made(), length: x.length };
  const at = members.map(() => 0);
  for (let place = 0; place < x.length; place += 1) {
    let sum = 0;
    let known = 0;
    members.forEach((member, index) => {
      while (at[index]! + 1 < member.length && member.x[at[index]! + 1]! <= x[place]!) at[index]! += 1;
      const each = valueAt(member, at[index]!, x[place]!);
      if (!Number.isFinite(each)) return;
      sum += each;
      known += 1;
      if (!(each >= found.low[place]!)) found.low[place] = each;
      if (!(each <= found.high[place]!)) found.high[place] = each;
    });
    if (known) found.y[place] = sum / known;
  }
  return found;
}

/** Every x of the members, ascending and each once; of very many evenly chosen ones. */
function places(members: readonly Line[]): Float64Array {
  const all = new Float64Array(members.reduce((sum, { length }) => sum + length, 0));
  let count = 0;
  for (const { x, length } of members) {
    all.set(x.subarray(0, length), count);
    count += length;
  }
  all.sort();
  let kept = 0;
  for (const each of all) if (kept === 0 || each !== all[kept - 1]) all[kept++] = each;
  if (kept <= PLACES_MOST) return all.slice(0, kept);
  return Float64Array.from({ length: PLACES_MOST }, (_, place) => all[Math.round((place * (kept - 1)) / (PLACES_MOST - 1))]!);
}

/** The value of a member at x, whose point `at` is the last that is not after it. */
function valueAt({ x, y, length }: Line, at: number, wanted: number): number {
  if (!length || wanted < x[0]! || wanted > x[length - 1]!) return NaN;
  const before = y[at]!;
  if (x[at] === wanted || at + 1 >= length) return before;
  return before + ((y[at + 1]! - before) * (wanted - x[at]!)) / (x[at + 1]! - x[at]!);
}
