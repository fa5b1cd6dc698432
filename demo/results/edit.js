/** Changing a value where it stands: the statement is shown before it runs, and can be undone. */

import { signal } from '@preact/signals';
import { say } from '../core/notices.js';
import { tableNamed } from '../core/schema.js';
import { changes, database, inTransaction } from '../core/session.js';
import { literal, quoted } from '../core/sql.js';
import { t } from '../core/texts.js';
import { openDialog } from '../registry.js';
import { plainText } from './values.js';

/**
 * The change that can be undone: the last one.
 * @type {import('@preact/signals').Signal<{sql: string, apply: () => void} | null>}
 */
export const undoable = signal(/** @type {{sql: string, apply: () => void} | null} */ (null));

/**
 * Where a row of a result comes from, if that can be told: its table and the columns that are its key.
 * @param {import('../core/results.js').ResultSet} set @param {number} column
 * @returns {{table: string, target: string, key: {name: string, column: number}[]} | {problem: string}}
 */
export function originOf(set, column) {
  const { table, column: target } = set.columns[column];
  if (!table || !target) return { problem: t('edit.expression') };
  const known = tableNamed(table);
  if (known?.type !== 'table') return { problem: t('edit.no-table', { table }) };
  const info = known.columns.find(({ name }) => name === target);
  if (info && info.hidden > 1) return { problem: t('edit.generated') };
  const position = (/** @type {string} */ name) =>
    set.columns.findIndex((one) => one.table === table && one.column === name);
  const names = known.columns.filter(({ key }) => key > 0).map(({ name }) => name);
  const wanted = names.length ? names : ['rowid'];
  const key = wanted.map((name) => ({ name, column: position(name) }));
  if (key.some((one) => one.column < 0)) return { problem: t('edit.no-key', { key: wanted.join(', ') }) };
  return { table, target, key };
}

/** Ask for another value, show the statement, run it. @param {import('../core/results.js').ResultSet} set @param {number} row @param {number} column */
export async function editCell(set, row, column) {
  const db = database.peek();
  if (!db) return;
  const origin = originOf(set, column);
  if ('problem' in origin) return say(origin.problem);
  const before = set.rows[row][column];
  const update = (/** @type {any} */ value, /** @type {any[]} */ keys) => {
    const where = origin.key.map(({ name }, i) => `${quoted(name)} IS ${literal(keys[i])}`).join(' AND ');
    return `UPDATE ${quoted(origin.table)} SET ${quoted(origin.target)} = ${literal(value)} WHERE ${where}`;
  };
  const keysNow = origin.key.map((one) => set.rows[row][one.column]);
  const answer = await openDialog('edit-value', {
    title: `${origin.table}.${origin.target}`,
    value: before,
    text: plainText(before),
    sql: (/** @type {any} */ value) => update(value, keysNow),
  });
  if (!answer) return;
  await change(db, update(answer.value, keysNow));
  set.set(row, column, answer.value);
  const keysAfter = origin.key.map((one) => set.rows[row][one.column]);
  undoable.value = { sql: update(before, keysAfter), apply: () => set.set(row, column, before) };
  say(t('edit.done'));
}

/** @param {import('../../web/index.js').Database} db @param {string} sql */
async function change(db, sql) {
  const { changes: count } = await db.run(sql);
  if (count !== 1) throw new Error(t('edit.rows', { count }));
  inTransaction.value = db.inTransaction;
  changes.value++;
}

/** Take the last change back, by a statement as well. */
export async function undoEdit() {
  const last = undoable.peek();
  const db = database.peek();
  if (!last || !db) return;
  undoable.value = null;
  await change(db, last.sql);
  last.apply();
  say(t('edit.undone'));
}
