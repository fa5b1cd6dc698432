/** Several statements at once: what `batch` takes, and what `transaction` gives. */

import { checkOptions, oneOf, SIGNAL } from './page/check.js';
import { describe, isPlain } from './values.js';

/** @typedef {{sql: string, args: unknown[]}} Item a statement, and what `run` would be given */

const MODE = oneOf('deferred', 'immediate', 'exclusive', 'concurrent');
const CONCURRENT = 'BEGIN CONCURRENT';
const TRIES = 20;
const FORMS = 'a string, [sql, ...parameters] or {sql, args}';

/** @param {any} list @returns {Item[]} @throws {TypeError} */
export function itemsOf(list) {
  if (!Array.isArray(list)) throw new TypeError(`batch() takes an array of statements, not ${describe(list)}`);
  return list.map((given, i) => itemOf(given, `batch(): statement ${i + 1}`));
}

/** @param {any} given @param {string} which @returns {Item} */
function itemOf(given, which) {
  if (typeof given === 'string') return { sql: given, args: [] };
  const [sql, args] = Array.isArray(given) ? [given[0], given.slice(1)] : [given?.sql, argsOf(given?.args)];
  if (typeof sql !== 'string') throw new TypeError(`${which} must be ${FORMS}, not ${describe(given)}`);
  if (!args) throw new TypeError(`${which}: args must be an array or an object of names, not ${describe(given.args)}`);
  return { sql, args };
}

/** @param {any} args @returns {unknown[] | null} */
function argsOf(args) {
  if (args === undefined) return [];
  if (Array.isArray(args)) return [args];
  return args !== null && typeof args === 'object' && isPlain(args) ? [args] : null;
}

/** What the transaction begins with. @param {any} options @returns {{begin: string, signal?: AbortSignal | null}} */
export function beginOf(options) {
  const { mode = 'deferred', signal } = checkOptions('batch()', options, { mode: MODE, signal: SIGNAL });
  return { begin: mode === 'deferred' ? 'BEGIN' : `BEGIN ${mode.toUpperCase()}`, signal };
}

/**
 * What `transaction` gives: each way to begin has the others.
 * @template T @param {unknown} database @param {(begin: string) => T} made
 * @returns {T & {default: T, deferred: T, immediate: T, exclusive: T, concurrent: T, database: unknown}}
 */
export function modes(database, made) {
  const all = {
    default: made('BEGIN'),
    deferred: made('BEGIN'),
    immediate: made('BEGIN IMMEDIATE'),
    exclusive: made('BEGIN EXCLUSIVE'),
    concurrent: made(CONCURRENT),
    database,
  };
  for (const one of [all.default, all.deferred, all.immediate, all.exclusive, all.concurrent])
    Object.assign(/** @type {any} */ (one), all);
  return /** @type {any} */ (all.default);
}

/**
 * Whether what failed is to be run again: it began concurrently, and somebody else has committed what it needed.
 * @param {string} begin @param {any} error @param {number} tries how often it has failed so
 */
export function isWorthARetry(begin, error, tries) {
  return begin === CONCURRENT && error?.code === 'SQLITE_BUSY_SNAPSHOT' && tries < TRIES;
}
