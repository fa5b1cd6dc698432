/**
 * Which indexes a statement would use if it had them, and what they bring. The planner chooses among all that could serve, on a copy of the
 * schema; then those it chose are made in a fork of the database, in memory, where the statement is measured without them and with them.
 */

import { connect } from '../../web/index.js';
import { quoted } from '../core/sql.js';
import { treeOf } from './plan.js';

/** Columns of an index that is tried, and columns of a table that such are made of. */
const MOST_COLUMNS = 3;
const MOST_NAMED = 6;
/** Larger databases, of which a fork may be a copy, are not measured. */
const LARGEST_COPY = 100_000_000;

/**
 * @typedef {{sql: string, name: string}} Index
 * @typedef {{ms: number, visited: number}} Cost of one run
 * @typedef {{indexes: Index[], plan: string[], before: Cost | null, after: Cost | null}} Advice
 * before, after: null where it was not measured
 */

/**
 * @param {import('../core/session.js').Database} db @param {import('../core/schema.js').Table[]} tables @param {string} sql one statement
 * @param {unknown[]} values of its parameters
 * @returns {Promise<Advice>}
 * @throws {Error} the engine's, of the statement itself
 */
export async function advise(db, tables, sql, values) {
  const copy = await connect(':memory:');
  try {
    await copySchema(db, copy, tables);
    const tried = candidates(tables, sql);
    for (const index of tried) await copy.exec(index.sql);
    const plan = (await copy.all(`EXPLAIN QUERY PLAN ${sql}`, ...values)).map((/** @type {any} */ row) =>
      String(row.detail),
    );
    const indexes = tried.filter(({ name }) => plan.some((line) => line.split(/\s+/).includes(name)));
    const measured = indexes.length ? await measure(db, indexes, sql, values) : null;
    return { indexes, plan, before: measured?.before ?? null, after: measured?.after ?? null };
  } finally {
    await copy.close();
  }
}

/** @param {import('../core/session.js').Database} db @param {import('../core/session.js').Database} copy @param {import('../core/schema.js').Table[]} tables */
async function copySchema(db, copy, tables) {
  for (const { type, sql } of tables) if (type === 'table' || type === 'virtual') await copy.exec(sql).catch(() => {});
  for (const { type, sql } of tables) if (type === 'view') await copy.exec(sql).catch(() => {});
  for (const { indexes } of tables) for (const { sql } of indexes) if (sql) await copy.exec(sql).catch(() => {});
  const statistics = await db.all('SELECT * FROM sqlite_stat1').catch(() => []);
  if (!statistics.length) return;
  await copy.exec('ANALYZE sqlite_schema');
  for (const { tbl, idx, stat } of /** @type {any[]} */ (statistics))
    await copy.run('INSERT INTO sqlite_stat1 VALUES (?, ?, ?)', tbl, idx, stat);
  await copy.exec('ANALYZE sqlite_schema');
}

/** The indexes that could serve: on columns that the statement names, in every order. @param {import('../core/schema.js').Table[]} tables @param {string} sql @returns {Index[]} */
export function candidates(tables, sql) {
  const words = new Set(
    [...sql.matchAll(/[\p{L}_][\p{L}\p{N}_$]*|"[^"]+"/gu)].map(([word]) => word.replaceAll('"', '').toLowerCase()),
  );
  /** @type {Index[]} */
  const found = [];
  for (const table of tables) {
    if (table.type !== 'table' || !words.has(table.name.toLowerCase())) continue;
    const named = table.columns
      .map(({ name }) => name)
      .filter((name) => words.has(name.toLowerCase()))
      .slice(0, MOST_NAMED);
    const existing = new Set(table.indexes.map(({ columns }) => columns.join('\n')));
    for (const columns of permutations(named, MOST_COLUMNS)) {
      if (existing.has(columns.join('\n'))) continue;
      const name = `${table.name}_by_${columns.join('_')}`.replaceAll(/[^\p{L}\p{N}_]/gu, '_');
      const sql = `CREATE INDEX ${quoted(name)} ON ${quoted(table.name)}(${columns.map(quoted).join(', ')})`;
      found.push({ name, sql });
    }
  }
  return found;
}

/** @param {string[]} all @param {number} most @returns {string[][]} */
function permutations(all, most) {
  if (!most) return [];
  return all.flatMap((one) => [
    [one],
    ...permutations(
      all.filter((other) => other !== one),
      most - 1,
    ).map((rest) => [one, ...rest]),
  ]);
}

/**
 * @param {import('../core/session.js').Database} db @param {Index[]} indexes @param {string} sql @param {unknown[]} values
 * @returns {Promise<{before: Cost, after: Cost} | null>}
 */
async function measure(db, indexes, sql, values) {
  const { source } = await db.status();
  if ((source?.size ?? 0) > LARGEST_COPY) return null;
  const fork = await db.fork();
  try {
    const before = await cost(fork, sql, values);
    for (const index of indexes) await fork.exec(index.sql);
    return { before, after: await cost(fork, sql, values) };
  } finally {
    await fork.close();
  }
}

/** The quicker of two runs, each undone. @param {import('../core/session.js').Database} fork @param {string} sql @param {unknown[]} values @returns {Promise<Cost>} */
async function cost(fork, sql, values) {
  /** @type {Cost[]} */
  const runs = [];
  for (let i = 0; i < 2; i++) {
    await fork.exec('BEGIN');
    const rows = /** @type {any} */ (
      await fork
        .prepare(`EXPLAIN ANALYZE ${sql}`)
        .raw()
        .all(.../** @type {any} */ (values))
    );
    await fork.exec('ROLLBACK');
    const roots = treeOf(rows);
    const all = (/** @type {import('./plan.js').Node[]} */ nodes) =>
      nodes.reduce((/** @type {number} */ sum, node) => sum + node.visited + all(node.children), 0);
    runs.push({ ms: Math.max(...roots.map(({ ms }) => ms)), visited: all(roots.flatMap(({ children }) => children)) });
  }
  return runs[0].ms < runs[1].ms ? runs[0] : runs[1];
}
