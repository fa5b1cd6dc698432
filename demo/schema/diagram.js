/** Where the tables of a schema stand in a picture, and the ways of their foreign keys: laid out by dagre. */

const LINE = 20;
const LETTER = 7.4;
const SHOWN = 14;
const LOOP = 30;

/**
 * @typedef {{name: string, x: number, y: number, width: number, height: number, columns: {name: string, mark: string}[], more: number}} Box
 * x, y: of the left upper corner; more: columns that are not shown
 * @typedef {{from: string, to: string, columns: string[], targets: string[], path: string}} Edge
 * @typedef {{boxes: Box[], edges: Edge[], width: number, height: number}} Picture
 */

/** @param {import('../core/schema.js').Table[]} tables @returns {Promise<Picture>} */
export async function layOut(tables) {
  const { default: dagre } = await import('@dagrejs/dagre');
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({ rankdir: 'LR', nodesep: 28, ranksep: 70, marginx: 12, marginy: 12 });
  graph.setDefaultEdgeLabel(() => ({}));
  const known = new Map(tables.map((table) => [table.name.toLowerCase(), table]));
  for (const table of tables) graph.setNode(table.name, boxOf(table));
  const keys = tables.flatMap((table) => keysOf(table, known));
  for (const [n, key] of keys.entries()) if (key.from !== key.to) graph.setEdge(key.from, key.to, {}, `${n}`);
  dagre.layout(graph);
  const boxes = tables.map(({ name }) => {
    const box = /** @type {any} */ (graph.node(name));
    return { ...box, x: box.x - box.width / 2, y: box.y - box.height / 2 };
  });
  const edges = keys.map((key, n) => {
    const edge = /** @type {any} */ (key.from === key.to ? null : graph.edge(key.from, key.to, `${n}`));
    return { ...key, path: edge ? way(edge.points) : loop(boxes.find(({ name }) => name === key.from)) };
  });
  const { width = 0, height = 0 } = /** @type {any} */ (graph.graph());
  return { boxes, edges, width: width + LOOP, height };
}

/** @param {import('../core/schema.js').Table} table */
function boxOf(table) {
  const foreign = new Set(table.foreignKeys.map(({ column }) => column.toLowerCase()));
  const all = table.columns.map(({ name, key }) => ({
    name,
    mark: [key > 0 ? 'PK' : '', foreign.has(name.toLowerCase()) ? 'FK' : ''].filter(Boolean).join(' '),
  }));
  // of a wide table the keys stay in sight
  const columns =
    all.length <= SHOWN ? all : [...all.filter(({ mark }) => mark), ...all.filter(({ mark }) => !mark)].slice(0, SHOWN);
  const more = all.length - columns.length;
  const longest = Math.max(table.name.length + 2, ...columns.map(({ name, mark }) => name.length + mark.length + 3));
  const width = Math.min(280, Math.max(110, longest * LETTER + 16));
  return { name: table.name, columns, more, width, height: LINE * (columns.length + (more ? 1 : 0)) + 34 };
}

/** The foreign keys of a table, one of several columns once. @param {import('../core/schema.js').Table} table @param {Map<string, import('../core/schema.js').Table>} known */
function keysOf(table, known) {
  /** @type {Map<number, {from: string, to: string, columns: string[], targets: string[]}>} */
  const found = new Map();
  for (const { id, column, table: target, to } of table.foreignKeys) {
    const there = known.get(target.toLowerCase());
    if (!there) continue;
    const key = found.get(id) ?? { from: table.name, to: there.name, columns: [], targets: [] };
    key.columns.push(column);
    key.targets.push(to ?? there.columns.filter(({ key }) => key > 0)[key.targets.length]?.name ?? '');
    found.set(id, key);
  }
  return [...found.values()];
}

/** A smooth way along points. @param {{x: number, y: number}[]} points */
function way(points) {
  const [first, ...rest] = points;
  let path = `M${first.x},${first.y}`;
  for (let i = 0; i < rest.length - 1; i++) {
    const [one, next] = [rest[i], rest[i + 1]];
    const end = i === rest.length - 2 ? next : { x: (one.x + next.x) / 2, y: (one.y + next.y) / 2 };
    path += ` Q${one.x},${one.y} ${end.x},${end.y}`;
  }
  return rest.length === 1 ? `${path} L${rest[0].x},${rest[0].y}` : path;
}

/** From a table to itself, on its right side. @param {any} box */
function loop({ x, y, width, height }) {
  const right = x + width;
  return `M${right},${y + height - 14} C${right + LOOP},${y + height - 14} ${right + LOOP},${y + 14} ${right},${y + 14}`;
}
