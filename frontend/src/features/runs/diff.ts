/** What two texts differ in, line by line (Myers). Pure. */

export interface DiffLine {
  kind: "same" | "left" | "right";
  text: string;
  /** Numbers of the line from 1, in the text on either side; undefined where it is not there. */
  left?: number;
  right?: number;
}

/** Beyond so many changed lines the middle is shown as one replaced part: finding the least change would take seconds. */
const CHANGES_MOST = 2_000;

export function diffLines(left: string, right: string): DiffLine[] {
  const a = linesOf(left);
  const b = linesOf(right);
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const kinds: DiffLine["kind"][] = [
    ...new Array<"same">(start).fill("same"),
    ...between(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...new Array<"same">(end).fill("same"),
  ];
  return numbered(kinds, a, b);
}

const linesOf = (text: string): string[] => (text === "" ? [] : text.replace(/\n$/, "").split("\n"));

function numbered(kinds: readonly DiffLine["kind"][], a: readonly string[], b: readonly string[]): DiffLine[] {
  let left = 0;
  let right = 0;
  return kinds.map((kind) => {
    if (kind === "left") return { kind, text: a[left]!, left: ++left };
    if (kind === "right") return { kind, text: b[right]!, right: ++right };
    return { kind, text: a[left]!, left: ++left, right: ++right };
  });
}

/** The kinds of the lines of a shortest edit. */
function between(a: readonly string[], b: readonly string[]): DiffLine["kind"][] {
  const most = Math.min(a.length + b.length, CHANGES_MOST);
  let reach = new Map<number, number>([[1, 0]]);
  const trail: Map<number, number>[] = [];
  for (let changes = 0; changes <= most; changes += 1) {
    trail.push(new Map(reach));
    for (let k = -changes; k <= changes; k += 2) {
      const isDown = k === -changes || (k !== changes && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = isDown ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      reach = reach.set(k, x);
      if (x >= a.length && x - k >= b.length) return walkedBack(trail, a.length, b.length);
    }
  }
  return [...a.map(() => "left" as const), ...b.map(() => "right" as const)];
}

function walkedBack(trail: readonly Map<number, number>[], endX: number, endY: number): DiffLine["kind"][] {
  const found: DiffLine["kind"][] = [];
  let x = endX;
  let y = endY;
  for (let changes = trail.length - 1; changes >= 0; changes -= 1) {
    const reach = trail[changes]!;
    const k = x - y;
    const isDown = k === -changes || (k !== changes && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const before = isDown ? k + 1 : k - 1;
    const fromX = reach.get(before) ?? 0;
    const fromY = fromX - before;
    while (x > fromX && y > fromY) {
      found.push("same");
      x -= 1;
      y -= 1;
    }
    if (changes > 0) found.push(isDown ? "right" : "left");
    x = fromX;
    y = fromY;
  }
  return found.reverse();
}

export interface Hunk {
  /** Lines that are the same and left out before this part. */
  skipped: number;
  lines: DiffLine[];
}

/** The parts that differ, each with so many lines around it; what is the same between them is counted. */
export function hunksOf(lines: readonly DiffLine[], around = 3): { hunks: Hunk[]; rest: number } {
  const shown = new Set<number>();
  lines.forEach(({ kind }, at) => {
    if (kind !== "same") for (let near = at - around; near <= at + around; near += 1) shown.add(near);
  });
  const hunks: Hunk[] = [];
  let skipped = 0;
  lines.forEach((line, at) => {
    if (!shown.has(at)) return void (skipped += 1);
    const last = hunks.at(-1);
    if (last && !skipped) last.lines.push(line);
    else hunks.push({ skipped, lines: [line] });
    skipped = 0;
  });
  return { hunks, rest: skipped };
}
