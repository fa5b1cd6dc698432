/**
 * Migrations: scripts that a database has run, in order, each once. What has run is kept in a table, by name and checksum.
 *
 * The steps are a generator, which is driven inside a transaction by who can wait (page/handle.js) and by who cannot (shortcuts.js).
 *
 * Invariants:
 *   M1  What has run is the beginning of the list: nothing is put between, changed or left out afterwards.
 *   M2  All that is new runs in one transaction, or none of it.
 */

import { SQLITE_ERROR, SQLITE_MISMATCH, SqlError } from '../base/errors.js';
import { checkOptions, NAME, TEXT } from './page/check.js';
import { describe } from './values.js';

const TABLE = `CREATE TABLE IF NOT EXISTS _migrations(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, checksum TEXT NOT NULL,
  applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))`;

/** @typedef {{name: string, sql: string}} Migration */
/**
 * What a driver is asked: to run a script; for all rows of a statement, as arrays; whether the transaction is still open.
 * @typedef {{exec: string} | {rows: string, args?: unknown[]} | {isOpen: true}} Step
 */

/** @param {any} given @returns {Migration[]} @throws {TypeError} */
export function checkMigrations(given) {
  if (!Array.isArray(given)) throw new TypeError(`migrate() takes an array of {name, sql}, not ${describe(given)}`);
  const names = new Set();
  for (const [i, migration] of given.entries()) {
    const which = `migrate(): migration ${i + 1}`;
    if (migration === undefined) throw new TypeError(`${which} is undefined`);
    const { name, sql } = checkOptions(which, migration, { name: NAME, sql: TEXT });
    if (name === undefined || sql === undefined) throw new TypeError(`${which} must be {name, sql}`);
    if (names.has(name)) throw new TypeError(`${which}: there is another "${name}"`);
    names.add(name);
  }
  return given;
}

/**
 * Run what has not run yet.
 * @param {Migration[]} migrations
 * @returns {Generator<Step, string[], any>} the names of what has run now
 * @throws {SqlError} SQLITE_MISMATCH when the database's are others (M1); what a script fails with, and which
 */
export function* migrating(migrations) {
  yield { exec: TABLE };
  const done = yield { rows: 'SELECT name, checksum FROM _migrations ORDER BY id' };
  for (const [i, [name, checksum]] of done.entries()) {
    const given = migrations[i];
    if (given?.name !== name) throw moved(name, given?.name);
    if ((yield* checksumOf(given)) !== checksum) throw mismatch(`"${name}" was changed after it had run`);
  }
  const missing = migrations.slice(done.length);
  for (const migration of missing) {
    try {
      yield { exec: migration.sql };
    } catch (error) {
      throw error instanceof SqlError ? failed(migration.name, error) : error;
    }
    if (!(yield { isOpen: true }))
      throw new SqlError(`migration "${migration.name}" must not end its transaction`, SQLITE_ERROR);
    const checksum = yield* checksumOf(migration);
    yield { rows: 'INSERT INTO _migrations(name, checksum) VALUES (?, ?)', args: [migration.name, checksum] };
  }
  return missing.map(({ name }) => name);
}

/** SHA-256; the ends of lines do not count. @param {Migration} migration @returns {Generator<Step, string, any>} */
function* checksumOf({ sql }) {
  const args = [sql.replaceAll('\r\n', '\n')];
  return (yield { rows: 'SELECT lower(hex(crypto_sha256(?)))', args })[0][0];
}

/** @param {string} what */
function mismatch(what) {
  return new SqlError(`the database's migrations are not these: ${what}`, SQLITE_MISMATCH);
}

/** @param {string} name that has run @param {string | undefined} given in its place */
function moved(name, given) {
  return mismatch(
    given === undefined ? `"${name}" has run, which is not among them` : `"${name}" has run where "${given}" stands`,
  );
}

/** @param {string} name @param {SqlError} cause */
function failed(name, cause) {
  const error = new SqlError(`migration "${name}": ${cause.message}`, cause.errcode, cause.offset, { cause });
  error.sql = cause.sql;
  return error;
}
