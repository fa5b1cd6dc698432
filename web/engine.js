/** One kernel, one compiler, some stores, and the databases that are open on them. Lives in a worker (or in Node). */

import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { Compiler, fetchBytes } from './compiler.js';
import { Database } from './database.js';
import { Kernel } from './kernel.js';
import { Stores } from './stores.js';

/**
 * @typedef {object} OpenOptions
 * @property {boolean} [readonly] refuse to write
 * @property {boolean} [create] default true; false: the file must exist
 * @property {import('./rows.js').Integers} [integers] how INTEGERs arrive; default 'auto'
 * @property {number} [timeout] PRAGMA busy_timeout at first; default 5000
 * @property {import('./stores.js').Kind} [storage] where it lies; default: OPFS where there is one, else IndexedDB
 */

export class Engine {
  /** @type {Compiler | null} */ #compiler = null;
  /** @type {Set<Database>} */ databases = new Set();
  /** @type {Map<string, Promise<void>>} files that are being replaced */ #replacing = new Map();

  /**
   * Start kernel and compiler, side by side.
   * @param {object} options
   * @param {BufferSource | WebAssembly.Module | Response | Promise<Response> | string} options.kernel kernel.wasm, or its URL
   * @param {Promise<Compiler> | Compiler | {pyodide: string, wheel: string}} options.compiler
   * @param {import('../vfs/base.js').Storage} [options.storage] where named databases lie; default: see OpenOptions
   */
  static async create({ kernel, compiler, storage }) {
    const isThere = compiler instanceof Compiler || compiler instanceof Promise;
    const compiling = isThere ? Promise.resolve(compiler) : Compiler.load(compiler);
    compiling.catch(() => undefined); // awaited by `ready`
    const source = typeof kernel === 'string' ? await fetchBytes(kernel) : kernel;
    const stores = new Stores(storage);
    try {
      return new Engine(await Kernel.load(source, stores.files), stores, compiling);
    } catch (cause) {
      throw new Error(`kernel.wasm could not be started: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }

  /** @param {Kernel} kernel @param {Stores} stores @param {Promise<any>} compiling */
  constructor(kernel, stores, compiling) {
    this.kernel = kernel;
    this.stores = stores;
    this.files = stores.files;
    /** Resolves when statements can be compiled; rejects when Pyodide cannot be had. @type {Promise<void>} */
    this.ready = compiling.then((compiler) => {
      this.#compiler = compiler;
    });
    this.ready.catch(() => undefined);
  }

  /** The compiler; it must have been awaited (`ready`). @returns {Compiler} */
  get compiler() {
    if (!this.#compiler) throw new Error('the query compiler is not loaded yet: await engine.ready');
    return this.#compiler;
  }

  /**
   * Open or create a database.
   * @param {string | Blob} name ":memory:" (or "") for a private database in memory, a Blob to be read, else a name in a store
   * @param {OpenOptions} [options]
   * @returns {Promise<Database>}
   */
  async open(name, options = {}) {
    if (typeof name !== 'string') return this.#openBlob(name, options);
    const inMemory = name === ':memory:' || name === '';
    const file = inMemory ? this.stores.privatePath() : this.stores.path(name, options.storage);
    const create = inMemory || (options.create !== false && !options.readonly);
    return this.#acquired({ name, file, inMemory, options }, { create });
  }

  /** @param {Blob} blob @param {OpenOptions} options */
  async #openBlob(blob, options) {
    const file = await this.stores.blobPath(blob);
    const name = file.slice(file.lastIndexOf('/') + 1);
    return this.#acquired({ name, file, inMemory: false, options: { ...options, readonly: true } }, { create: false });
  }

  /** @param {import('./database.js').Where} where @param {{create: boolean}} how */
  async #acquired(where, how) {
    await this.files.acquire(where.file, how);
    try {
      await this.ready;
      await this.#replacing.get(where.file);
      const database = new Database(this, where);
      this.databases.add(database);
      return database;
    } catch (error) {
      await this.files.release(where.file);
      throw error;
    }
  }

  /**
   * Put `content` in the place of a database's file, between `disconnect` and `connect`.
   * @param {Database} database @param {Blob} content @throws {SqlError} SQLITE_BUSY when another connection has it open
   */
  async replace(database, content) {
    const { file, name } = database.where;
    for (const other of this.databases) {
      if (other === database || other.where.file !== file) continue;
      throw new SqlError(`database is locked: another connection has ${name} open`, SQLITE_BUSY);
    }
    database.disconnect();
    const replacing = this.files.replace(file, content);
    this.#replacing.set(
      file,
      replacing.catch(() => undefined),
    );
    try {
      await replacing;
    } finally {
      this.#replacing.delete(file);
      database.connect();
    }
  }

  /** Let running queries pause now and then (statement.js YIELD). @param {boolean} on */
  setYields(on) {
    this.kernel.call('poll_set_yields', on ? 1 : 0);
  }

  /** Close all databases. */
  async close() {
    await Promise.all([...this.databases].map((database) => database.close()));
  }
}
