/** One kernel, one compiler, one VFS, and the databases that are open on them. Lives in a worker (or in Node). */

import { SQLITE_CANTOPEN, SqlError } from '../base/errors.js';
import { OpfsVfs } from '../vfs/opfs.js';
import { Compiler, fetchBytes } from './compiler.js';
import { Database } from './database.js';
import { Kernel } from './kernel.js';

/**
 * @typedef {import('../vfs/base.js').Vfs & {acquire?: (name: string, options?: {create?: boolean}) => Promise<void>,
 *   release?: (name: string) => Promise<void>}} AnyVfs
 * @typedef {object} OpenOptions
 * @property {boolean} [readonly] refuse to write
 * @property {boolean} [create] default true; false: the file must exist
 * @property {import('./rows.js').Integers} [integers] how INTEGERs arrive; default 'auto'
 */

export class Engine {
  /** @type {Compiler | null} */ #compiler = null;
  /** @type {Set<Database>} */ databases = new Set();
  #nextMemory = 1;

  /**
   * Start kernel and compiler, side by side.
   * @param {object} options
   * @param {BufferSource | WebAssembly.Module | Response | Promise<Response> | string} options.kernel kernel.wasm, or its URL
   * @param {Promise<Compiler> | Compiler | {pyodide: string, wheel: string}} options.compiler
   * @param {AnyVfs} [options.vfs] default: OPFS where there is one, and memory
   */
  static async create({ kernel, compiler, vfs = new OpfsVfs() }) {
    const isThere = compiler instanceof Compiler || compiler instanceof Promise;
    const compiling = isThere ? Promise.resolve(compiler) : Compiler.load(compiler);
    compiling.catch(() => undefined); // awaited by `ready`
    const source = typeof kernel === 'string' ? await fetchBytes(kernel) : kernel;
    return new Engine(await Kernel.load(source, vfs), vfs, compiling);
  }

  /** @param {Kernel} kernel @param {AnyVfs} vfs @param {Promise<any>} compiling */
  constructor(kernel, vfs, compiling) {
    this.kernel = kernel;
    this.vfs = vfs;
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
   * @param {string} name ":memory:" (or "") for a private database in memory, else a path in the file system
   * @param {OpenOptions} [options]
   * @returns {Promise<Database>}
   */
  async open(name, options = {}) {
    const inMemory = name === ':memory:' || name === '';
    const file = inMemory ? `:memory:${this.#nextMemory++}` : name;
    if (!inMemory) await this.#acquire(name, options);
    try {
      await this.ready;
      const database = new Database(this, { name, file, inMemory, options });
      this.databases.add(database);
      return database;
    } catch (error) {
      if (!inMemory) await this.vfs.release?.(name);
      throw error;
    }
  }

  /** @param {string} name @param {OpenOptions} options */
  async #acquire(name, options) {
    if (this.vfs instanceof OpfsVfs && !OpfsVfs.available) {
      throw new SqlError(
        `unable to open database file: ${JSON.stringify(name)} needs the origin private file system, which only dedicated workers of secure pages have, and not in every browser's private windows; ":memory:" works everywhere`,
        SQLITE_CANTOPEN,
      );
    }
    await this.vfs.acquire?.(name, { create: options.create !== false && !options.readonly });
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
