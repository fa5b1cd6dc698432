/** What the shims have in common: an engine that is ready, databases that are opened at once, and statements that are stepped. */

import { DONE, OPEN_CREATE, YIELD } from '../../base/abi.js';
import { SQLITE_BUSY, SQLITE_CANTOPEN } from '../../base/errors.js';
import * as host from '../host.js';
import { SQLITE_RANGE } from './capi_values.js';
import { checkLength, checkText, checkVariables } from './hooks.js';

/** With what its declaration leaves out. @type {any} */
const { assetsFrom, Database, engineFrom, Real, SqlError, Statement } = host;

export { Real, SqlError, Statement };

/** What `start` returns when another connection has the lock. */
const BUSY = 3;
const FIRST_BATCH = 64;

/** @typedef {import('../engine.js').Engine} Engine */

/** An engine that can compile. @param {{assets?: string | URL, pyodide?: string | URL}} [where] @returns {Promise<Engine>} */
export async function startedEngine({ assets, pyodide } = {}) {
  const engine = await engineFrom(assetsFrom({ assets, pyodide }));
  await engine.ready;
  return engine;
}

/** Of the SQLite that it is compatible with. @param {Engine} engine @returns {{version: string, source: string}} */
export function versionOf(engine) {
  const database = openMemory(engine);
  const found = database.prepare('SELECT sqlite_version() AS version, sqlite_source_id() AS source').get();
  database.close();
  return found;
}

/** @param {string} version "3.54.0" @returns {number} 3054000 */
export function numberOfVersion(version) {
  return version.split('.').reduce((all, part) => all * 1000 + Number(part), 0);
}

/** A private database in memory. @param {Engine} engine @param {Uint8Array} [content] of its file @returns {any} */
export function openMemory(engine, content) {
  const file = engine.stores.privatePath();
  const database = opened(engine, { name: ':memory:', file, inMemory: true, options: {} });
  if (!content?.length) return database;
  database.disconnect();
  const [store, name] = storeOf(engine, file);
  /** @type {any} */ (store.open(name, OPEN_CREATE)).write(content, 0);
  database.connect();
  return database;
}

/**
 * A database that lies in this process's memory under its name, in a store that was mounted (oo1_storage.js), or in OPFS if its files were acquired.
 * @param {Engine} engine @param {string} name @param {'memory' | 'opfs' | 'localStorage' | 'sessionStorage'} storage @param {{create: boolean, readonly: boolean}} options
 * @returns {any}
 */
export function openNamed(engine, name, storage, options) {
  const file = engine.stores.path(name, /** @type {any} */ (storage));
  const [store, rest] = storeOf(engine, file);
  if (storage !== 'opfs' && !options.create && !store.exists(rest)) {
    throw new SqlError(`unable to open database file: ${name}`, SQLITE_CANTOPEN);
  }
  if (storage !== 'opfs')
    engine.files.acquire(file); // nothing has to be waited for
  else engine.files.acquireAgain(file);
  return opened(engine, { name, file, inMemory: false, options: { ...options, storage } });
}

/** @param {Engine} engine @param {string} file @returns {[any, string]} */
export function storeOf({ files }, file) {
  const prefix = /** @type {string} */ (files.prefixes.find((one) => file.startsWith(one)));
  return [files.mounts[prefix], file.slice(prefix.length)];
}

/** @param {Engine} engine @param {any} where @returns {any} */
function opened(engine, where) {
  const database = new Database(engine, where);
  engine.databases.add(database);
  return database;
}

/** A statement that is stepped from row to row. */
export class Cursor {
  /** @type {any[][]} */ #rows = [];
  #next = 0;
  #status = DONE;
  /** Whether a run is under way. */ running = false;
  /** The row that it is on. @type {any[] | null} */ row = null;

  /** @param {any} statement of the host @param {boolean} [big] integers as BigInt */
  constructor(statement, big = false) {
    this.statement = statement.raw();
    if (big) statement.safeIntegers();
    this.program = statement.prepared.loaded.program;
    /** @type {any[]} */
    this.values = new Array(this.program.n_user_params).fill(null);
    checkText(statement.database, statement.source);
    checkVariables(statement.database, this.values.length);
  }

  /** With their prefix; null for plain ?. @returns {(string | null)[]} */
  get names() {
    return this.program.param_names;
  }

  /** @returns {string[]} */
  get columns() {
    return this.statement.columns().map((/** @type {{name: string}} */ { name }) => name);
  }

  /** The number of a parameter, from 1; 0: there is none. @param {string} name with its prefix */
  indexOf(name) {
    return this.names.indexOf(name) + 1;
  }

  /** @param {number} index from 1 @param {any} value @throws {SqlError} SQLITE_RANGE */
  set(index, value) {
    if (!Number.isInteger(index) || index < 1 || index > this.values.length) {
      throw new SqlError('column index out of range', SQLITE_RANGE);
    }
    checkLength(this.statement.database, value);
    this.values[index - 1] = value;
  }

  clear() {
    this.values.fill(null);
  }

  /** To the next row. @returns {boolean} whether there is one */
  step() {
    if (!this.running) this.#start();
    for (;;) {
      if (this.#next < this.#rows.length) {
        this.row = this.#rows[this.#next++];
        return true;
      }
      if (this.#status === DONE) {
        this.reset();
        return false;
      }
      this.#attempt(() => this.statement.step(0));
    }
  }

  #start() {
    this.#attempt(() => this.statement.start(this.values.length ? [this.values] : [], FIRST_BATCH));
    this.running = true;
  }

  /** @param {() => number} act */
  #attempt(act) {
    try {
      this.#status = act();
    } catch (error) {
      this.reset();
      throw error;
    }
    if (this.#status === BUSY) {
      this.reset();
      throw this.statement.refusal ?? new SqlError('database is locked', SQLITE_BUSY);
    }
    this.#rows = this.#status === YIELD ? [] : this.statement.take();
    this.#next = 0;
  }

  reset() {
    this.row = null;
    this.#rows = [];
    this.#next = 0;
    this.#status = DONE;
    this.running = false;
    if (this.statement.live) this.statement.reset();
  }

  finalize() {
    this.row = null;
    this.running = false;
    this.statement.finalize();
  }
}
