/**
 * The object-oriented API #1 of SQLite's own WebAssembly build (https://sqlite.org/wasm/doc/trunk/api-oo1.md) on our engine.
 *
 *     import sqlite3InitModule from 'turso-wasm/oo1';
 *     const sqlite3 = await sqlite3InitModule();
 *     const db = new sqlite3.oo1.DB();
 */

import {
  Statement as HostStatement,
  numberOfVersion,
  openMemory,
  openNamed,
  startedEngine,
  versionOf,
} from './memory.js';
import { capiOf, rcText } from './oo1_capi.js';
import { execute } from './oo1_exec.js';
import { Pool } from './oo1_pool.js';
import { checked, SQLite3Error, Stmt } from './oo1_stmt.js';
import { storesOf, webStorages, whichStorage } from './oo1_storage.js';

export { sqlite3Worker1Promiser } from './promiser.js';

const SQLITE_MISUSE = 21;
/** Whether names of databases in OPFS may be acquired here. */
const hasOpfs = () => typeof globalThis.FileSystemFileHandle?.prototype?.createSyncAccessHandle === 'function';

/**
 * @param {{assets?: string | URL, pyodide?: string | URL, opfs?: string[], print?: (text: string) => void}} [config] opfs: databases that
 *   `OpfsDb` may open; print: says what databases with the flag "t" do
 */
export default async function sqlite3InitModule({ assets, pyodide, opfs, print = console.log } = {}) {
  const engine = await startedEngine({ assets, pyodide });
  /** @type {Set<string>} */ const acquired = new Set();
  const acquire = async (/** @type {string} */ given) => {
    const name = withoutSlash(given);
    if (acquired.has(name)) return;
    await engine.files.acquire(engine.stores.path(name, 'opfs'), { create: true });
    acquired.add(name);
  };
  const unlink = async (/** @type {string} */ given) => {
    const name = withoutSlash(given);
    const path = engine.stores.path(name, 'opfs');
    if (acquired.delete(name)) await engine.files.release(path);
    await engine.files.remove(path);
  };
  for (const name of opfs ?? []) await acquire(name);

  /** @type {(name: string, flags: string) => any} */
  const openMain = (name, flags) => {
    if (name === ':memory:' || name === '') return openMemory(engine);
    return openNamed(engine, name, 'memory', { create: flags.includes('c'), readonly: flags.includes('r') });
  };
  class DB extends Database {
    /** @param {...any} args filename, flags, vfs, or an object of these */
    constructor(...args) {
      super(args, 'c', openMain, print, 'memory');
    }

    /** @param {any} db @param {number} code @throws {SQLite3Error} if it says that something failed */
    static checkRc(db, code) {
      if (!code) return db;
      db?.affirmOpen();
      throw new SQLite3Error(`sqlite3 result code ${code}: ${rcText(code)}`, code);
    }
  }
  class OpfsDb extends Database {
    /** @param {...any} args */
    constructor(...args) {
      super(
        args,
        'c',
        (name, flags) => {
          if (!acquired.has(withoutSlash(name)))
            throw new SQLite3Error(
              `OpfsDb: the files of ${name} are not acquired: await sqlite3.opfs.acquire(name), or name it in sqlite3InitModule({ opfs })`,
              14,
            );
          return openNamed(engine, withoutSlash(name), 'opfs', {
            create: flags.includes('c'),
            readonly: flags.includes('r'),
          });
        },
        print,
        'opfs',
      );
    }
  }
  const library = versionOf(engine);
  const { version: libVersion, source: sourceId } = library;
  const isOpfs = opfs !== undefined && hasOpfs();
  const stored = storageDatabases(engine, print);
  return {
    oo1: { DB, Stmt, ...(isOpfs ? { OpfsDb } : {}), ...stored.classes },
    ...(isOpfs ? { opfs: { acquire, unlink } } : {}),
    installOpfsSAHPoolVfs: poolsOf(engine, print),
    SQLite3Error,
    version: { libVersion, libVersionNumber: numberOfVersion(libVersion), sourceId },
    capi: { ...capiOf(library), ...stored.calls },
  };
}

/** Databases in the page's storages, and calls about these. @param {import('./memory.js').Engine} engine @param {(text: string) => void} print */
function storageDatabases(engine, print) {
  const stores = webStorages(engine);
  if (!stores) return { classes: {}, calls: {} };
  const clear = (which = '') => storesOf(stores, which).reduce((sum, store) => sum + store.clear(), 0);
  const sizeOf = (which = '') => storesOf(stores, which).reduce((sum, store) => sum + store.size, 0);
  class JsStorageDb extends Database {
    /** @param {string | {filename?: string, flags?: string}} [storage] "local" or "session" */
    constructor(storage = 'session') {
      const { filename = 'session', flags = 'c' } = typeof storage === 'string' ? { filename: storage } : storage;
      const which = whichStorage(filename);
      const open = (/** @type {string} */ _, /** @type {string} */ how) =>
        openNamed(engine, 'db', `${which}Storage`, { create: how.includes('c'), readonly: how.includes('r') });
      super([filename, flags], 'c', open, print, 'kvvfs');
    }

    static clearStorage = clear;
    static storageSize = sizeOf;

    /** Delete all that is in its storage; how many entries there were. */
    clearStorage() {
      return clear(this.affirmOpen().filename);
    }

    /** Bytes of its storage. */
    storageSize() {
      return sizeOf(this.affirmOpen().filename);
    }
  }
  return { classes: { JsStorageDb }, calls: { sqlite3_js_kvvfs_clear: clear, sqlite3_js_kvvfs_size: sizeOf } };
}

/** @param {import('./memory.js').Engine} engine @param {(text: string) => void} print */
function poolsOf(engine, print) {
  /** @type {Map<string, Promise<any>>} */ const installed = new Map();
  /** @param {{name?: string, initialCapacity?: number, clearOnInit?: boolean}} [options] */
  return ({ name = 'opfs-sahpool', initialCapacity = 6, clearOnInit = false } = {}) => {
    if (!hasOpfs()) return Promise.reject(new SQLite3Error('Missing required OPFS APIs.'));
    const found =
      installed.get(name) ??
      Pool.install(engine, name, { initialCapacity, clearOnInit }).then((pool) => poolUtil(pool, print));
    installed.set(name, found);
    found.then(
      (pool) => pool.whenRemoved(() => installed.delete(name)),
      () => undefined,
    );
    found.catch(() => installed.delete(name));
    return found;
  };
}

/** The pool, with its class of databases. @param {Pool} pool @param {(text: string) => void} print */
function poolUtil(pool, print) {
  class OpfsSAHPoolDb extends Database {
    /** @param {...any} args */
    constructor(...args) {
      super(args, 'c', (name, flags) => pool.open(name, flags), print, pool.vfsName);
    }

    /** @override */
    close() {
      const wasOpen = this.isOpen();
      super.close();
      if (wasOpen && this.filename !== ':memory:') pool.closed(this.filename);
    }
  }
  return Object.assign(pool, { OpfsSAHPoolDb });
}

/** @param {string} name */
function withoutSlash(name) {
  return name.replace(/^\/+/, '');
}

let pointers = 0x1000;
let traced = 0;

class Database {
  /** @type {Set<Stmt>} */ statements = new Set();
  /** @type {any} */ onclose = undefined;
  #host;

  /** @param {any[]} args @param {string} usual @param {(name: string, flags: string) => any} open @param {(text: string) => void} print @param {string} vfsName */
  constructor([first, second, third], usual, open, print, vfsName) {
    const {
      filename = ':memory:',
      flags = usual,
      vfs = undefined,
    } = first !== null && typeof first === 'object' ? first : { filename: first, flags: second, vfs: third };
    if (typeof filename !== 'string') throw new SQLite3Error('Invalid arguments for DB constructor.', SQLITE_MISUSE);
    if (vfs) throw new SQLite3Error(`no such vfs: ${vfs}`, 1);
    this.filename = filename;
    this.vfsName = vfsName;
    this.pointer = ++pointers;
    this.#host = checked(() => open(filename, flags));
    this.trace = flags.includes('t')
      ? (/** @type {string} */ sql) => print(`SQL TRACE #${++traced} ${sql.trim()}`)
      : () => undefined;
  }

  /** The host's database. */
  get host() {
    if (!this.#host.open) throw new SQLite3Error('DB has been closed.', SQLITE_MISUSE);
    return this.#host;
  }

  affirmOpen() {
    void this.host;
    return this;
  }

  isOpen() {
    return this.#host.open;
  }

  close() {
    if (!this.#host.open) return;
    this.onclose?.before?.(this);
    for (const statement of [...this.statements]) statement.finalize();
    this.#host.close();
    /** @type {any} */ (this).pointer = undefined;
    this.onclose?.after?.(this);
  }

  /** @param {boolean} [total] @param {boolean} [sixtyFour] */
  changes(total = false, sixtyFour = false) {
    const n = total ? this.host.totalChanges : this.host.changes;
    return sixtyFour ? BigInt(n) : n;
  }

  dbFilename(name = 'main') {
    return this.host.prepare('SELECT file FROM pragma_database_list WHERE name = ?').pluck().get(name);
  }

  /** @param {number} [index] */
  dbName(index = 0) {
    const { host } = this;
    if (index === 1) return 'temp'; // whether or not it was needed
    return host.prepare('SELECT name FROM pragma_database_list WHERE seq = ?').pluck().get(index) ?? null;
  }

  /** Where a database of the connection lies; undefined if there is none of that name. @param {string | number} [name] */
  dbVfsName(name = 'main') {
    const found = typeof name === 'number' ? this.dbName(name) : name;
    const isThere = ['main', 'temp'].includes(found ?? '') || this.dbFilename(found ?? '') !== undefined;
    return isThere ? (found === 'temp' ? 'memory' : this.vfsName) : undefined;
  }

  openStatementCount() {
    this.affirmOpen();
    return this.statements.size;
  }

  /** @param {string} sql @param {number} at */
  prepareText(sql, at) {
    return checked(() => this.host.prepareText(sql, at));
  }

  /** @param {string | string[]} sql */
  prepare(sql) {
    const text = Array.isArray(sql) ? sql.join('') : sql;
    const prepared = this.prepareText(text, 0);
    if (!prepared) throw new SQLite3Error('Cannot prepare empty SQL.', SQLITE_MISUSE);
    this.trace(text.slice(0, prepared.end));
    return new Stmt(this, new HostStatement(this.host, prepared));
  }

  /** @param {...any} args */
  exec(...args) {
    return execute(this, args);
  }

  /** @template T @param {string} sql @param {any} bind @param {(statement: Stmt) => T} act @returns {T} */
  #with(sql, bind, act) {
    const statement = this.prepare(sql);
    try {
      if (bind !== undefined) statement.bind(bind);
      return act(statement);
    } finally {
      statement.finalize();
    }
  }

  /** @param {string} sql @param {any} [bind] @param {number} [asType] */
  selectValue(sql, bind, asType) {
    return this.#with(sql, bind, (one) => (one.step() ? one.get(0, asType) : undefined));
  }

  /** @param {string} sql @param {any} [bind] @param {number} [asType] */
  selectValues(sql, bind, asType) {
    return this.#with(sql, bind, (one) => {
      const values = [];
      while (one.step()) values.push(one.get(0, asType));
      return values;
    });
  }

  /** @param {string} sql @param {any} [bind] */
  selectArray(sql, bind) {
    return this.#with(sql, bind, (one) => (one.step() ? one.get([]) : undefined));
  }

  /** @param {string} sql @param {any} [bind] */
  selectObject(sql, bind) {
    return this.#with(sql, bind, (one) => (one.step() ? one.get({}) : undefined));
  }

  /** @param {string} sql @param {any} [bind] */
  selectArrays(sql, bind) {
    return this.exec({ sql, bind, rowMode: 'array', returnValue: 'resultRows' });
  }

  /** @param {string} sql @param {any} [bind] */
  selectObjects(sql, bind) {
    return this.exec({ sql, bind, rowMode: 'object', returnValue: 'resultRows' });
  }

  /** @param {...any} args BEGIN's qualifier, if any, and what is done */
  transaction(...args) {
    const [qualifier, act] = args.length > 1 ? args : ['', args[0]];
    if (qualifier && !/^(deferred|immediate|exclusive)$/i.test(qualifier)) {
      throw new SQLite3Error('Invalid argument for BEGIN qualifier.', SQLITE_MISUSE);
    }
    return this.#around(`BEGIN ${qualifier}`, 'COMMIT', 'ROLLBACK', act);
  }

  /** @param {(db: this) => any} act */
  savepoint(act) {
    return this.#around('SAVEPOINT oo1', 'RELEASE oo1', 'ROLLBACK TO oo1; RELEASE oo1', act);
  }

  /** @param {string} begin @param {string} commit @param {string} rollback @param {(db: this) => any} act */
  #around(begin, commit, rollback, act) {
    this.exec(begin);
    try {
      const result = act(this);
      this.exec(commit);
      return result;
    } catch (error) {
      if (this.isOpen() && this.host.inTransaction) this.exec(rollback);
      throw error;
    }
  }

  /** @param {...any} args name, function and options, in the ways that are documented */
  createFunction(...args) {
    const options = functionOptions(args);
    const { name, xStep, xFinal, xValue, xInverse, deterministic = false, directOnly = false } = options;
    const scalar = options.xFunc ?? options.scalar;
    const code = scalar ?? xStep;
    if (typeof name !== 'string' || typeof code !== 'function') {
      throw new SQLite3Error('Invalid arguments: expecting a name and a function.', SQLITE_MISUSE);
    }
    const arity = options.arity ?? Math.max(code.length - 1, 0);
    const varargs = arity < 0;
    const shared = { varargs, directOnly };
    const sized = (/** @type {(...all: any[]) => any} */ act, more = 0) =>
      Object.defineProperty(act, 'length', { value: varargs ? more : arity + more });
    if (scalar) {
      this.host.function(
        name,
        { ...shared, deterministic },
        sized((/** @type {any[]} */ ...values) => scalar(0, ...values)),
      );
      return this;
    }
    const step = (/** @type {any} */ way) =>
      sized((/** @type {number} */ group, /** @type {any[]} */ ...values) => void way(group, ...values), 1);
    const inverse = xInverse ? { inverse: step(xInverse) } : {};
    const result = xValue ?? xFinal;
    this.host.aggregate(name, {
      ...shared,
      start: () => ++pointers,
      step: step(xStep),
      ...inverse,
      result: (/** @type {number} */ group) => result?.(group) ?? null,
    });
    return this;
  }
}

/** @param {any[]} args */
function functionOptions([first, second, third]) {
  if (typeof first !== 'string') return first ?? {};
  if (typeof second === 'function') return { name: first, xFunc: second, ...third };
  return { name: first, ...second };
}
