/** Charts of one group show the values at the same x while the reader points at one of them. */
export interface Hovered {
  /** Show the values at `x`; null: the last ones. */
  hover(x: number | null): void;
}

const groups = new Map<string, Set<Hovered>>();

export function joinGroup(name: string, one: Hovered): () => void {
  const group = groups.get(name) ?? new Set();
  groups.set(name, group);
  group.add(one);
  return () => {
    group.delete(one);
    if (!group.size) groups.delete(name);
  };
}

/** Tell all of the group but the one that is pointed at. */
export function hoverGroup(name: string, x: number | null, except: Hovered): void {
  for (const one of groups.get(name) ?? []) if (one !== except) one.hover(x);
}
