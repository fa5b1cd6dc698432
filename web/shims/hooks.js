/** Hooks and limits of the C API, which the shims share. */

import { SQLITE_ERROR, SqlError } from '../../base/errors.js';

const SQLITE_TOOBIG = 18;
const OPERATIONS = { INSERT: 18, UPDATE: 23, DELETE: 9 };

/** @typedef {any} Host a HostDatabase */

/** @param {Host} host @param {((operation: number, schema: string, table: string, rowid: bigint) => void) | null} act */
export function updateHook(host, act) {
  const told = (/** @type {keyof typeof OPERATIONS} */ operation, /** @type {any[]} */ ...[schema, table, rowid]) =>
    act?.(OPERATIONS[operation], schema, table, BigInt(rowid));
  host.hook('update', act && told);
}

/** @param {Host} host @param {number} steps @param {(() => unknown) | null} act */
export function progressHandler(host, steps, act) {
  host.hook('progress', steps > 0 ? act : null, steps > 0 ? { every: steps } : {});
}

// --- limits -------------------------------------------------------------------------------------------------------------

const LENGTH = 0;
const SQL_LENGTH = 1;
const VARIABLE_NUMBER = 9;
/** By category: SQLite's as it is built by default, https://sqlite.org/limits.html. */
const MAXIMA = [1_000_000_000, 1_000_000_000, 2000, 1000, 500, 250_000_000, 127, 10, 50_000, 32_766, 1000, 8];
const encoder = new TextEncoder();

/** Of databases that have others than these. @type {WeakMap<Host, number[]>} */
const lowered = new WeakMap();

/**
 * A limit, and what it is from now on, unless `value` is negative; -1: there is none of that category. As with SQLite nothing is raised
 * above its maximum.
 * @param {Host} host @param {number} category @param {number} value
 * @throws {SqlError} for one that the engine cannot lower
 */
export function limit(host, category, value) {
  const limits = lowered.get(host) ?? MAXIMA;
  const before = limits[category];
  if (before === undefined) return -1;
  const now = value < 0 ? before : Math.min(value, MAXIMA[category]);
  if (now === before) return before;
  if (![LENGTH, SQL_LENGTH, VARIABLE_NUMBER].includes(category)) {
    throw new SqlError('this limit cannot be changed', SQLITE_ERROR);
  }
  lowered.set(host, limits.with(category, now));
  return before;
}

/** @param {Host} host @param {string} sql @throws {SqlError} SQLITE_TOOBIG */
export function checkText(host, sql) {
  const limits = lowered.get(host);
  if (limits && encoder.encode(sql).length > limits[SQL_LENGTH]) {
    throw new SqlError('query string is too large', SQLITE_TOOBIG);
  }
}

/** @param {Host} host @param {number} count of parameters @throws {SqlError} */
export function checkVariables(host, count) {
  if (count > (lowered.get(host) ?? MAXIMA)[VARIABLE_NUMBER])
    throw new SqlError('too many SQL variables', SQLITE_ERROR);
}

/** @param {Host} host @param {any} value @throws {SqlError} SQLITE_TOOBIG */
export function checkLength(host, value) {
  const limits = lowered.get(host);
  if (!limits) return;
  const size = typeof value === 'string' ? encoder.encode(value).length : (value?.byteLength ?? 0);
  if (size > limits[LENGTH]) throw new SqlError('string or blob too big', SQLITE_TOOBIG);
}
