/** Rows of a source into a table. */

import { quoted } from '../core/sql.js';
import { converted, TypeGuess } from './types.js';

/** Rows that go to the engine at once: few messages, and a cancelled import stops soon. */
const ROWS = 2000;

/**
 * @typedef {object} Plan
 * @property {string} table
 * @property {'create' | 'append' | 'replace'} mode replace: the table that is there goes first
 * @property {{name: string, type: string}[]} columns as the source has them, under the names they get; type 'auto': of all its values
 * @property {boolean} emptyIsNull
 */

/**
 * All in one transaction: when it fails or is cancelled nothing has changed.
 * @param {import('../core/session.js').Database} db
 * @param {import('./source.js').Source} source
 * @param {Plan} plan
 * @param {{signal: AbortSignal, onProgress: (stage: 'look' | 'load', done: number, rows: number) => void}} watch done: 0 to 1
 * @returns {Promise<number>} rows
 */
export async function load(db, source, plan, watch) {
  const columns = await typed(source, plan.columns, watch);
  const run = db.transaction(async (tx) => {
    const at = tx.signal(watch.signal);
    if (plan.mode === 'replace') await at.exec(`DROP TABLE IF EXISTS ${quoted(plan.table)}`);
    if (plan.mode !== 'append') {
      const definitions = columns.map(({ name, type }) => `  ${quoted(name)} ${type}`);
      await at.exec(`CREATE TABLE ${quoted(plan.table)}(\n${definitions.join(',\n')}\n)`);
    }
    let count = 0;
    for await (const batch of source.batches()) {
      watch.signal.throwIfAborted();
      for (const name of (batch.columns ?? []).slice(columns.length)) {
        columns.push({ name, type: 'TEXT' });
        await at.exec(`ALTER TABLE ${quoted(plan.table)} ADD COLUMN ${quoted(name)} TEXT`);
      }
      for (let i = 0; i < batch.rows.length; i += ROWS) {
        const rows = batch.rows.slice(i, i + ROWS);
        await insert(at, plan, columns, rows);
        count += rows.length;
      }
      watch.onProgress('load', batch.done, count);
    }
    return count;
  });
  return run.immediate();
}

/**
 * @param {any} tx @param {Plan} plan @param {{name: string, type: string}[]} columns @param {import('./source.js').Value[][]} rows
 */
async function insert(tx, { table, emptyIsNull }, columns, rows) {
  const names = columns.map(({ name }) => quoted(name)).join(', ');
  const sql = `INSERT INTO ${quoted(table)}(${names}) VALUES (${columns.map(() => '?').join(', ')})`;
  await tx.batch(
    rows.map((row) => ({ sql, args: columns.map(({ type }, i) => converted(row[i] ?? null, type, emptyIsNull)) })),
  );
}

/**
 * The columns with types for those that have none: every value is looked at.
 * @param {import('./source.js').Source} source @param {Plan['columns']} columns
 * @param {{signal: AbortSignal, onProgress: (stage: 'look' | 'load', done: number, rows: number) => void}} watch
 */
async function typed(source, columns, { signal, onProgress }) {
  if (columns.every(({ type }) => type !== 'auto')) return columns.map((column) => ({ ...column }));
  const guess = new TypeGuess();
  let count = 0;
  for await (const { rows, done } of source.batches()) {
    signal.throwIfAborted();
    guess.see(rows);
    onProgress('look', done, (count += rows.length));
  }
  const types = guess.types(columns.length);
  return columns.map(({ name, type }, i) => ({ name, type: type === 'auto' ? types[i] : type }));
}
