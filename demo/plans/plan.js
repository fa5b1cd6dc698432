/** The rows of EXPLAIN QUERY PLAN and EXPLAIN ANALYZE as a tree. */

/**
 * @typedef {{id: number, detail: string, kind: 'scan' | 'search' | 'sort' | 'other', measured: boolean, loops: number, visited: number, rows: number, ms: number, own: number, children: Node[]}} Node
 * ms: with its children; own: without
 */

const PLAN = ['id', 'parent', 'notused', 'detail'];

/** Whether a result set is a plan. @param {import('../core/results.js').ResultSet} set */
export function isPlan(set) {
  return (
    PLAN.every((name, i) => set.columns[i]?.name === name) &&
    (set.columns.length === 4 || set.columns[7]?.name === 'ms')
  );
}

/** @param {import('../core/results.js').Value[][]} rows @returns {Node[]} the roots */
export function treeOf(rows) {
  /** @type {Map<number, Node>} */
  const nodes = new Map();
  /** @type {Node[]} */
  const roots = [];
  for (const [id, parent, , detail, loops, visited, count, ms] of rows) {
    const node = {
      id: Number(id),
      detail: String(detail),
      kind: kindOf(String(detail)),
      measured: ms !== undefined && ms !== null,
      loops: Number(loops ?? 0),
      visited: Number(visited ?? 0),
      rows: Number(count ?? 0),
      ms: Number(ms ?? 0),
      own: 0,
      children: [],
    };
    nodes.set(node.id, node);
    const above = nodes.get(Number(parent));
    if (above) above.children.push(node);
    else roots.push(node);
  }
  for (const node of nodes.values()) {
    node.own = Math.max(0, node.ms - node.children.reduce((sum, child) => sum + child.ms, 0));
  }
  return roots;
}

/** @param {string} detail @returns {Node['kind']} */
function kindOf(detail) {
  if (/^SCAN /.test(detail) && !/CONSTANT ROW/.test(detail))
    return /USING (COVERING )?INDEX/.test(detail) ? 'search' : 'scan';
  if (/^(SEARCH|HASH JOIN)/.test(detail)) return 'search';
  return /TEMP B-TREE/.test(detail) ? 'sort' : 'other';
}
