/** Places the nodes of a graph in layers from left to right, so that every edge goes to the right. Pure. */

export interface Link {
  /** Key of the node at the left end: the earlier thing. */
  from: string;
  to: string;
}

export interface Placed {
  /** Column, from 0 at the left. */
  layer: number;
  /** In rows of the column; halves where columns are of different length. */
  row: number;
}

export interface Layout {
  places: Map<string, Placed>;
  /** Of each link the places it goes through, both ends among them. */
  routes: Placed[][];
  layers: number;
  rows: number;
}

const SWEEPS = 6;

/** Columns: a node stands one right of the last thing it was made of, and what was made of nothing stands close to what was made of it. */
export function layersOf(keys: readonly string[], links: readonly Link[]): Map<string, number> {
  const layers = new Map(keys.map((key) => [key, 0]));
  // So many rounds are enough without a circle; with one the rest stays as it is.
  for (let round = 0; round < keys.length; round += 1) {
    let moved = false;
    for (const { from, to } of links) {
      const wanted = (layers.get(from) ?? 0) + 1;
      if (wanted > (layers.get(to) ?? 0) && wanted < keys.length) {
        layers.set(to, wanted);
        moved = true;
      }
    }
    if (!moved) break;
  }
  const targets = new Set(links.map(({ to }) => to));
  for (const key of keys) {
    const after = links.filter(({ from }) => from === key).map(({ to }) => layers.get(to) ?? 0);
    if (!targets.has(key) && after.length) layers.set(key, Math.max(0, Math.min(...after) - 1));
  }
  return layers;
}

interface Vertex {
  key: string;
  layer: number;
  /** Neighbours in the columns beside this one. */
  left: Vertex[];
  right: Vertex[];
  row: number;
}

/** Nodes, and a bend in every column that a link goes through, in their columns. */
export function layoutOf(keys: readonly string[], links: readonly Link[]): Layout {
  const layers = layersOf(keys, links);
  const count = keys.length ? Math.max(...layers.values()) + 1 : 0;
  const columns: Vertex[][] = Array.from({ length: count }, () => []);
  const add = (key: string, layer: number): Vertex => {
    const vertex: Vertex = { key, layer, left: [], right: [], row: 0 };
    columns[layer]?.push(vertex);
    return vertex;
  };
  const vertices = new Map(keys.map((key) => [key, add(key, layers.get(key) ?? 0)]));
  const chains = links.map(({ from, to }) => {
    const [start, end] = [vertices.get(from), vertices.get(to)];
    if (!start || !end) return [];
    const chain = [start];
    for (let layer = start.layer + 1; layer < end.layer; layer += 1) chain.push(add("", layer));
    chain.push(end);
    chain.slice(1).forEach((vertex, index) => {
      const before = chain[index];
      if (!before) return;
      before.right.push(vertex);
      vertex.left.push(before);
    });
    return chain;
  });
  order(columns);
  const rows = Math.max(0, ...columns.map((column) => column.length));
  for (const column of columns) column.forEach((vertex, index) => (vertex.row = index + (rows - column.length) / 2));
  const place = ({ layer, row }: Vertex): Placed => ({ layer, row });
  return {
    places: new Map([...vertices].map(([key, vertex]) => [key, place(vertex)])),
    routes: chains.map((chain) => chain.map(place)),
    layers: count,
    rows,
  };
}

/** Each column by the middle of its neighbours, there and back, so that few links cross. */
function order(columns: Vertex[][]): void {
  const number = (column: Vertex[]): void => column.forEach((vertex, index) => (vertex.row = index - column.length / 2));
  columns.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isRightward = sweep % 2 === 0;
    for (const column of isRightward ? columns : [...columns].reverse()) {
      const middle = (vertex: Vertex): number => {
        const beside = isRightward ? vertex.left : vertex.right;
        return beside.length ? beside.reduce((sum, each) => sum + each.row, 0) / beside.length : vertex.row;
      };
      const wanted = new Map(column.map((vertex) => [vertex, middle(vertex)]));
      column.sort((a, b) => (wanted.get(a) ?? 0) - (wanted.get(b) ?? 0));
      number(column);
    }
  }
}
