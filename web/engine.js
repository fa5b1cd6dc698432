/** One kernel, one compiler, some stores, and the databases that are open on them. Lives in a worker (or in Node). */

import { NotYet, SQLITE_BUSY, SqlError } from '../base/errors.js';
import { isUrl } from '../vfs/base.js';
import { Compiler } from './compiler.js';
import { HostDatabase } from './database.js';
import { fetched } from './fetching.js';
import { Kernel } from './kernel.js';
import { ProgramCache } from './program_cache.js';
import { Library } from './schema.js';
import { Stores } from './stores.js';
import { bytesOf } from './values.js';

/**
 * @typedef {object} OpenOptions
 * @property {boolean} [readonly] refuse to write
 * @property {boolean} [create] default true; false: the file must exist
 * @property {import('./rows.js').Integers} [integers] how INTEGERs arrive; default 'auto'
 * @property {number} [timeout] PRAGMA busy_timeout at first; default 5000
 * @property {import('./stores.js').Kind} [storage] where it lies; default: OPFS where there is one, else IndexedDB
 * @property {string | Uint8Array} [key] of an encrypted database: a passphrase, or 32 bytes
 * @property {boolean} [compiler] false: statements that have no Program yet are refused
 * @property {Blob} [wal] the log beside a Blob
 * @property {true | string} [overlay] a Blob or a URL can be written: what changes is kept in memory (true), or in OPFS under a name
 * @property {boolean} [download] fetch the whole of a URL that is not served in parts
 * @property {AbortSignal} [signal] gives fetching up
 * @property {string} [snapshot] read what it was at that snapshot
 * @property {boolean} [fork] open a fork of it
 */

/** On later visits the compiler is loaded when it is needed, or after this time. */
const PREFETCH_MS = 2000;

export class Engine {
  /** @type {Compiler | null} */ #compiler = null;
  /** @type {Promise<void> | null} */ #loading = null;
  /** @type {Set<HostDatabase>} */ databases = new Set();
  /** @type {Map<string, Promise<void>>} files that are being replaced */ #replacing = new Map();

  /**
   * Start the kernel; and the compiler, beside it on a first visit, later when it is needed (program_cache.js).
   * @param {object} options
   * @param {BufferSource | WebAssembly.Module | Response | Promise<Response> | string} options.kernel kernel.wasm, or its URL
   * @param {Promise<Compiler> | Compiler | {pyodide: Record<string, string>, pack: string}} options.compiler
   * @param {import('../vfs/base.js').Storage} [options.storage] where named databases lie; default: see OpenOptions
   * @param {import('../vfs/base.js').Storage | null} [options.disk] files of the system, in Node
   * @param {boolean} [options.eager] false: the compiler is not loaded before a statement needs it
   */
  static async create({ kernel, compiler, storage, disk, eager = true }) {
    const isThere = compiler instanceof Compiler || compiler instanceof Promise;
    const load = () => (isThere ? Promise.resolve(compiler) : Compiler.load(compiler));
    const code = typeof kernel === 'string' ? fetched(kernel) : kernel;
    if (code instanceof Promise) code.catch(() => undefined); // awaited below
    const early = !eager || (await ProgramCache.exists()) ? null : load();
    early?.catch(() => undefined); // awaited by `ready`
    const source = isThere ? '' : compiler.pyodide['pyodide.asm.wasm'];
    const stores = new Stores(storage, disk);
    const chosen = stores.choose();
    const given = await code;
    const started = await Kernel.load(given, stores.files).catch((cause) => {
      throw new Error(`kernel.wasm could not be started: ${cause instanceof Error ? cause.message : cause}`, { cause });
    });
    await chosen;
    return new Engine(started, stores, await ProgramCache.open(started.build, source), { load, early, eager });
  }

  /**
   * @param {Kernel} kernel
   * @param {Stores} stores
   * @param {ProgramCache} programs
   * @param {{load: () => Promise<Compiler>, early: Promise<Compiler> | null, eager: boolean}} compiling early: the compiler, if it is on
   *   its way
   */
  constructor(kernel, stores, programs, { load, early, eager }) {
    this.kernel = kernel;
    this.stores = stores;
    this.files = stores.files;
    this.library = new Library(kernel, programs);
    this.library.closed = (number) => this.#compiler?.closeSchema(number);
    this.library.bootstrap.provide(kernel.programs());
    this.load = load;
    /** Whether no earlier visit has left Programs, so that hardly a statement can run without the compiler. */
    this.isFirstVisit = early !== null || programs.count === 0;
    if (!eager) return;
    if (this.isFirstVisit) this.#start(early ?? load());
    else this.#prefetch();
  }

  /**
   * Take in an application's Programs (program_cache.js).
   * @param {BufferSource | Promise<BufferSource>} file
   * @param {string} [name] of the file
   * @throws {Error} why they are not used
   */
  async addPrograms(file, name = 'given') {
    try {
      await this.library.programs.addBundle(bytesOf(await file), this.kernel.digest);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : cause;
      throw new Error(`the compiled programs (${name}) are not used: ${why}`, { cause });
    }
  }

  /** What `db.status()` tells of the engine. */
  get figures() {
    const compiler = this.#compiler ? 'ready' : this.#loading ? 'loading' : 'absent';
    return { programs: this.library.programs.figures, compiler, fromSnapshot: this.#compiler?.fromSnapshot ?? false };
  }

  /** @param {Promise<Compiler>} compiling */
  #start(compiling) {
    const loading = compiling.then((compiler) => {
      this.#compiler = compiler;
    });
    loading.catch(() => undefined); // who asks hears of it
    this.#loading = loading;
    return loading;
  }

  #prefetch() {
    const timer = /** @type {any} */ (setTimeout(() => this.ready.catch(() => undefined), PREFETCH_MS));
    timer.unref?.();
  }

  /** Resolves when statements can be compiled; rejects when Pyodide cannot be had: the next who asks then tries again. @returns {Promise<void>} */
  get ready() {
    const loading = this.#loading ?? this.#start(this.load());
    loading.catch(() => {
      if (this.#loading === loading) this.#loading = null;
    });
    return loading;
  }

  /** The compiler. Errors: NotYet while it is not loaded. @returns {Compiler} */
  get compiler() {
    if (this.#compiler) return this.#compiler;
    throw new NotYet('the query compiler is not loaded yet: await engine.ready', SQLITE_BUSY, () => this.#sooner());
  }

  /** When the compiler is loaded, or other tabs, one that owned a file before this one did, have left Programs since this one began. */
  #sooner() {
    const news = this.library.programs.refresh().then((found) => (found ? undefined : this.ready));
    return this.#loading ? Promise.race([this.#loading, news]) : news;
  }

  /**
   * Open or create a database, and wait for the compiler.
   * @param {string | Blob} name ":memory:" (or "") for a private database in memory, a Blob or a URL to be read where it is, else a name in a store
   * @param {OpenOptions} [options]
   * @returns {Promise<HostDatabase>}
   */
  async open(name, options = {}) {
    const [database] = await Promise.all([this.openNow(name, options), this.ready]);
    return database;
  }

  /**
   * The same without the compiler: statements whose Program is in no cache cannot be prepared until it is `ready` (waiting.js).
   * @param {string | Blob} name
   * @param {OpenOptions} [options]
   * @returns {Promise<HostDatabase>}
   */
  async openNow(name, options = {}) {
    if (options.fork) return this.#openForked(name, options);
    if (typeof name !== 'string' || isUrl(name)) return this.#openGiven(name, options);
    if (options.snapshot !== undefined) {
      return this.openPast({ name, file: this.stores.path(name, options.storage), options }, options.snapshot);
    }
    const inMemory = name === ':memory:' || name === '';
    const file = inMemory ? this.stores.privatePath() : this.stores.path(name, options.storage);
    const create = inMemory || (options.create !== false && !options.readonly);
    return this.#acquired({ name, file, inMemory, options }, { create });
  }

  /** The path of a database that all tabs and workers of the origin share; null: it is another kind. @param {string | Blob} name @param {OpenOptions} options */
  pathOfOrigin(name, { storage }) {
    if (typeof name !== 'string' || name === ':memory:' || name === '') return null;
    const path = this.stores.path(name, storage);
    return this.stores.isOfOrigin(path) ? path : null;
  }

  /** A database as it was. @param {Pick<import('./database.js').Where, 'name' | 'file' | 'options'>} where @param {string} snapshot */
  async openPast({ name, file, options }, snapshot) {
    await this.files.acquire(file, { create: false });
    try {
      const history = await this.files.history(file);
      const source = history.open(history.find(snapshot), name);
      return await this.#over(source, file, { ...options, snapshot, readonly: true, overlay: undefined });
    } catch (error) {
      await this.files.release(file);
      throw error;
    }
  }

  /** A fork of an open database. @param {import('./database.js').Where} where @param {import('../vfs/history.js').KeptFile} history @param {import('../vfs/history.js').Snapshot} snapshot */
  async openFork({ name, file, options }, history, snapshot) {
    const source = history.open(snapshot, name);
    try {
      await this.files.acquire(file, { create: false });
    } catch (error) {
      await source.close();
      throw error;
    }
    return this.#over(source, file, forked(options, { overlay: true }));
  }

  /** A database in memory with this content. @param {Uint8Array} content its own from now on @param {Pick<import('./database.js').Where, 'name' | 'options'>} where of what it is a copy of */
  openCopy(content, { name, options }) {
    const file = this.stores.privatePath(content);
    return this.#acquired({ name, file, inMemory: true, options: forked(options) }, {});
  }

  /** @param {string | Blob} name @param {OpenOptions} options */
  async #openForked(name, { fork: _, ...options }) {
    const database = await this.openNow(name, { ...options, create: false });
    try {
      return await database.fork();
    } finally {
      await database.close();
    }
  }

  /** @param {import('../vfs/source.js').Source} source of an acquired file, which is released with it @param {string} under its path @param {OpenOptions} options */
  #over(source, under, options) {
    const kind = options.overlay ? 'memory' : this.stores.kindOf(under);
    const close = () => this.files.release(under);
    const file = this.stores.given({ source, overlay: options.overlay, close, kind });
    return this.#acquired({ name: source.name, file, inMemory: false, options }, { create: false });
  }

  /** @param {Blob | string} source a Blob or a URL @param {OpenOptions} options */
  async #openGiven(source, options) {
    const { wal, overlay, download, signal } = options;
    const isPlainUrl = typeof source === 'string' && !overlay && !wal;
    const file = isPlainUrl ? this.stores.path(source) : this.stores.given({ source, wal, overlay, download, signal });
    const name = typeof source === 'string' ? source : file.slice(file.lastIndexOf('/') + 1);
    const readonly = options.readonly || !overlay;
    const where = { name, file, inMemory: false, options: { ...options, readonly } };
    return this.#acquired(where, { create: false, download, signal });
  }

  /** @param {import('./database.js').Where} where @param {Parameters<import('../vfs/base.js').Storage['acquire']>[1]} how */
  async #acquired(where, how) {
    await this.files.acquire(where.file, how);
    try {
      await this.#replacing.get(where.file);
      const database = new HostDatabase(this, where);
      this.databases.add(database);
      return database;
    } catch (error) {
      await this.files.release(where.file);
      throw error;
    }
  }

  /**
   * Put `content` in the place of a database's file, between `disconnect` and `connect`.
   * @param {HostDatabase} database @param {Blob | import('../vfs/staging.js').Staged} content @throws {SqlError} SQLITE_BUSY when another connection has it open
   */
  async replace(database, content) {
    const { file, name } = database.where;
    for (const other of this.databases) {
      if (other === database || !other.files.includes(file)) continue;
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

/** The options of a fork. @param {OpenOptions} options of what is forked @param {OpenOptions} [own] */
function forked({ integers, timeout, key, compiler }, own) {
  return { integers, timeout, key, compiler, ...own };
}
