/** What has become of the rows of a query since it was run before. */

import { isBytes } from '../values.js';

/**
 * @typedef {Record<string, import('../rows.js').SqlValue>} Row
 * @typedef {[key: string, row: Row]} Entry
 * @typedef {object} Patch see LivePatch in index.d.ts
 * @property {Row[]} rows
 * @property {Entry[]} added
 * @property {Entry[]} changed
 * @property {Entry[]} removed
 * @property {string[] | null} order
 */

/**
 * The patch that makes `before` to `rows`, and them by key. A row that is as it was is the object that it was.
 * @param {Map<string, Row>} before in order
 * @param {Row[]} rows
 * @param {string[]} columns whose values are a row's key; none: its position is
 * @returns {{patch: Patch, now: Map<string, Row>}}
 */
export function difference(before, rows, columns) {
  /** @type {Map<string, Row>} */
  const now = new Map();
  /** @type {Entry[]} */ const added = [];
  /** @type {Entry[]} */ const changed = [];
  const keyOf = keys(columns);
  for (const row of rows) {
    const key = keyOf(row);
    const old = before.get(key);
    const stays = old !== undefined && isSame(old, row);
    if (!stays) (old ? changed : added).push([key, row]);
    now.set(key, stays ? old : row);
  }
  const removed = [...before].filter(([key]) => !now.has(key));
  const order = isInOrder(before, now) ? null : [...now.keys()];
  return { patch: { rows: [...now.values()], added, changed, removed, order }, now };
}

/** Names rows: by their columns, equal ones by their number too. @param {string[]} columns @returns {(row: Row) => string} */
function keys(columns) {
  /** @type {Map<string, number>} */
  const times = new Map();
  return (row) => {
    const key = columns.map((name) => spelled(row[name])).join();
    const nth = times.get(key) ?? 0;
    times.set(key, nth + 1);
    return columns.length && nth === 0 ? key : `${key}#${nth}`;
  };
}

/** @param {import('../rows.js').SqlValue} value */
function spelled(value) {
  if (value instanceof Uint8Array)
    return `x'${Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('')}'`;
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}

/** @param {Row} a @param {Row} b */
function isSame(a, b) {
  const names = Object.keys(b);
  return Object.keys(a).length === names.length && names.every((name) => isEqual(a[name], b[name]));
}

/** @param {any} a @param {any} b */
function isEqual(a, b) {
  if (a === b) return true;
  if (!isBytes(a) || !isBytes(b) || a.byteLength !== b.byteLength) return false;
  return a.every((/** @type {number} */ byte, /** @type {number} */ i) => byte === b[i]);
}

/** Whether those that stay are in the order that they were in, and those that came behind them. @param {Map<string, Row>} before @param {Map<string, Row>} now */
function isInOrder(before, now) {
  const staying = [...before.keys()].filter((key) => now.has(key));
  let i = 0;
  for (const key of now.keys()) {
    if (i === staying.length) return true;
    if (key !== staying[i++]) return false;
  }
  return true;
}
