/**
 * SQLite's C API as wa-sqlite has it for JavaScript (https://rhashimoto.github.io/wa-sqlite/docs/interfaces/SQLiteAPI.html), on our engine.
 *
 *     import SQLiteESMFactory, * as SQLite from 'turso-wasm/capi';
 *     const sqlite3 = SQLite.Factory(await SQLiteESMFactory());
 *     const db = await sqlite3.open_v2('app.db');
 *
 * Databases and statements are numbers. What takes a statement's or a database's number that is none throws SQLITE_MISUSE.
 */

import { CODE_NAMES } from '../../base/abi.js';
import { callbacks } from './capi_functions.js';
import {
  blobOf,
  integerOf,
  numberOf,
  plain,
  SQLITE_DONE,
  SQLITE_MISUSE,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_MEMORY,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_ROW,
  SQLiteError,
  textOf,
  typeOf,
} from './capi_values.js';
import { Cursor, Statement as HostStatement, numberOfVersion, Real, startedEngine, versionOf } from './memory.js';

export {
  SQLITE_BLOB,
  SQLITE_BUSY,
  SQLITE_DETERMINISTIC,
  SQLITE_DIRECTONLY,
  SQLITE_DONE,
  SQLITE_ERROR,
  SQLITE_FLOAT,
  SQLITE_INTEGER,
  SQLITE_MISUSE,
  SQLITE_NULL,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_MEMORY,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_RANGE,
  SQLITE_ROW,
  SQLITE_TEXT,
  SQLITE_UTF8,
  SQLiteError,
} from './capi_values.js';

/** The engine, which `Factory` takes. @param {{assets?: string | URL, pyodide?: string | URL}} [config] */
export default function SQLiteESMFactory(config) {
  return startedEngine(config);
}

/** @param {import('../engine.js').Engine} engine */
export function Factory(engine) {
  return Object.freeze(apiOf(engine));
}

/** @param {void} _done */
function ok(_done) {
  return SQLITE_OK;
}

/** What SQLite throws, with its code. @template T @param {() => T} act @returns {T} */
function checked(act) {
  try {
    return act();
  } catch (error) {
    throw asError(error);
  }
}

/** @param {any} error */
function asError(error) {
  if (error instanceof SQLiteError || typeof error?.errcode !== 'number') return error;
  return new SQLiteError(error.message, error.errcode);
}

/** Things by number. @template T */
class Handles {
  /** @type {Map<number, T>} */ #all = new Map();
  #next = 1;

  /** @param {string} what */
  constructor(what) {
    this.what = what;
  }

  /** @param {T} thing */
  add(thing) {
    const number = this.#next++;
    this.#all.set(number, thing);
    return number;
  }

  /** @param {number} number @returns {T} */
  get(number) {
    const found = this.#all.get(number);
    if (found === undefined) throw new SQLiteError(`not a ${this.what}`, SQLITE_MISUSE);
    return found;
  }

  /** @param {number} number */
  delete(number) {
    this.#all.delete(number);
  }

  entries() {
    return [...this.#all];
  }
}

/** @param {import('../engine.js').Engine} engine */
function apiOf(engine) {
  const { version } = versionOf(engine);
  /** @type {Handles<any>} */ const databases = new Handles('database');
  /** @type {Handles<{cursor: Cursor, db: number}>} */ const statements = new Handles('statement');
  const cursorOf = (/** @type {number} */ stmt) => statements.get(stmt).cursor;
  const set = (/** @type {number} */ stmt, /** @type {number} */ i, /** @type {any} */ value) =>
    checked(() => {
      const cursor = cursorOf(stmt);
      if (cursor.running) throw new SQLiteError('bad parameter or other API misuse', SQLITE_MISUSE);
      cursor.set(i, value);
      return SQLITE_OK;
    });
  const valueAt = (/** @type {number} */ stmt, /** @type {number} */ i) => cursorOf(stmt).row?.[i] ?? null;
  const finalize = (/** @type {number} */ stmt) => {
    statements.get(stmt).cursor.finalize();
    statements.delete(stmt);
    return SQLITE_OK;
  };
  const prepared = (/** @type {number} */ db, /** @type {string} */ sql, /** @type {number} */ at) =>
    checked(() => {
      const host = databases.get(db);
      const found = host.prepareText(sql, at);
      if (!found) return null;
      const stmt = statements.add({ cursor: new Cursor(new HostStatement(host, found), true), db });
      return { stmt, end: found.end };
    });
  const api = {
    // --- databases
    /** @param {string} [name] @param {number} [flags] @param {string} [vfs] 'opfs', 'indexeddb' or 'memory' */
    async open_v2(name = ':memory:', flags = SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE, vfs) {
      const isMemory = Boolean(flags & SQLITE_OPEN_MEMORY);
      const options = { create: Boolean(flags & SQLITE_OPEN_CREATE), readonly: Boolean(flags & SQLITE_OPEN_READONLY) };
      try {
        const storage = /** @type {any} */ (vfs);
        return databases.add(await engine.open(isMemory ? ':memory:' : name, { ...options, storage }));
      } catch (error) {
        throw asError(error);
      }
    },
    /** @param {number} db */
    async close(db) {
      const host = databases.get(db);
      for (const [stmt, { db: owner }] of statements.entries()) if (owner === db) finalize(stmt);
      databases.delete(db);
      await host.close();
      return SQLITE_OK;
    },
    /** @param {number} db */
    changes: (db) => Number(databases.get(db).changes),
    /** @param {number} db */
    total_changes: (db) => Number(databases.get(db).totalChanges),
    /** @param {number} db */
    get_autocommit: (db) => (databases.get(db).inTransaction ? 0 : 1),
    /** @param {number} db */
    last_insert_id: (db) => databases.get(db).prepare('SELECT last_insert_rowid()').pluck().get(),
    /** @param {number} db */
    interrupt: (db) => databases.get(db).interrupt(),
    /** @param {number} code */
    errstr: (code) => CODE_NAMES[/** @type {keyof typeof CODE_NAMES} */ (code)] ?? 'unknown error',

    // --- statements
    /** The first statement of a text, and the rest; null when there is none. @param {number} db @param {string} sql */
    async prepare_v2(db, sql) {
      const found = prepared(db, sql, 0);
      return found && { stmt: found.stmt, sql: sql.slice(found.end) };
    },
    /** @param {number} db @param {string} sql @param {number} [flags] 0: there is nothing that they would change */
    async prepare_v3(db, sql, flags = 0) {
      if (flags) throw new SQLiteError(`prepare_v3: unknown flags ${flags}`, SQLITE_MISUSE);
      return api.prepare_v2(db, sql);
    },
    /** Its statements one after the other; each is finalized when the next is asked for. @param {number} db @param {string} sql */
    async *statements(db, sql) {
      for (let at = 0; ; ) {
        const found = prepared(db, sql, at);
        if (!found) return;
        at = found.end;
        try {
          yield found.stmt;
        } finally {
          finalize(found.stmt);
        }
      }
    },
    /** @param {number} db @param {string} sql @param {(row: any[], columns: string[]) => any} [callback] */
    async exec(db, sql, callback) {
      for await (const stmt of api.statements(db, sql)) {
        while ((await api.step(stmt)) === SQLITE_ROW) await callback?.(api.row(stmt), api.column_names(stmt));
      }
      return SQLITE_OK;
    },
    /** @param {number} stmt */
    step: async (stmt) => checked(() => (cursorOf(stmt).step() ? SQLITE_ROW : SQLITE_DONE)),
    /** @param {number} stmt */
    reset: async (stmt) => checked(() => ok(cursorOf(stmt).reset())),
    /** @param {number} stmt */
    finalize: async (stmt) => checked(() => finalize(stmt)),
    /** @param {number} stmt */
    sql(stmt) {
      const { sql, start, end } = cursorOf(stmt).statement.prepared;
      return sql.slice(start, end).trim();
    },
    /** @param {number} stmt */
    stmt_readonly: (stmt) => cursorOf(stmt).statement.readonly,
    /** @param {number} stmt */
    stmt_busy: (stmt) => cursorOf(stmt).running,

    // --- parameters
    /** By the kind of the value. @param {number} stmt @param {number} i from 1 @param {any} value */
    bind: (stmt, i, value) => (value === undefined ? SQLITE_OK : set(stmt, i, bytesOf(value))),
    /** @param {number} stmt @param {any[] | Record<string, any>} values */
    bind_collection(stmt, values) {
      const names = cursorOf(stmt).names;
      names.forEach((name, i) => {
        const value = Array.isArray(values) ? values[i] : name === null ? undefined : values[name];
        api.bind(stmt, i + 1, value);
      });
      return SQLITE_OK;
    },
    /** @param {number} stmt @param {number} i @param {any} value */
    bind_blob: (stmt, i, value) => set(stmt, i, bytesOf(value)),
    /** @param {number} stmt @param {number} i @param {number} value */
    bind_double: (stmt, i, value) => set(stmt, i, new Real(value)),
    /** @param {number} stmt @param {number} i @param {number} value */
    bind_int: (stmt, i, value) => set(stmt, i, value | 0),
    /** @param {number} stmt @param {number} i @param {bigint} value */
    bind_int64: (stmt, i, value) => set(stmt, i, BigInt.asIntN(64, BigInt(value))),
    /** @param {number} stmt @param {number} i */
    bind_null: (stmt, i) => set(stmt, i, null),
    /** @param {number} stmt @param {number} i @param {string} value */
    bind_text: (stmt, i, value) => set(stmt, i, String(value)),
    /** @param {number} stmt */
    bind_parameter_count: (stmt) => cursorOf(stmt).values.length,
    /** @param {number} stmt @param {number} i */
    bind_parameter_name: (stmt, i) => cursorOf(stmt).names[i - 1] ?? '',
    /** @param {number} stmt @param {string} name */
    bind_parameter_index: (stmt, name) => cursorOf(stmt).indexOf(name),
    /** @param {number} stmt */
    clear_bindings: (stmt) => ok(cursorOf(stmt).clear()),

    // --- columns
    /** As JavaScript has it: integers as numbers where these are exact. @param {number} stmt @param {number} i */
    column: (stmt, i) => plain(valueAt(stmt, i)),
    /** @param {number} stmt */
    row: (stmt) => (cursorOf(stmt).row ?? []).map(plain),
    /** @param {number} stmt */
    data_count: (stmt) => cursorOf(stmt).row?.length ?? 0,
    /** @param {number} stmt */
    column_count: (stmt) => cursorOf(stmt).program.columns.length,
    /** @param {number} stmt @param {number} i */
    column_name: (stmt, i) => cursorOf(stmt).columns[i],
    /** @param {number} stmt */
    column_names: (stmt) => cursorOf(stmt).columns,
    /** @param {number} stmt @param {number} i */
    column_type: (stmt, i) => typeOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_blob: (stmt, i) => blobOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_bytes: (stmt, i) => blobOf(valueAt(stmt, i)).length,
    /** @param {number} stmt @param {number} i */
    column_double: (stmt, i) => numberOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_int: (stmt, i) => Number(BigInt.asIntN(32, integerOf(valueAt(stmt, i)))),
    /** @param {number} stmt @param {number} i */
    column_int64: (stmt, i) => integerOf(valueAt(stmt, i)),
    /** @param {number} stmt @param {number} i */
    column_text: (stmt, i) => textOf(valueAt(stmt, i)),

    libversion: () => version,
    libversion_number: () => numberOfVersion(version),
    ...callbacks((db) => databases.get(db), checked),
  };
  return api;
}

/** @param {any} value */
function bytesOf(value) {
  return Array.isArray(value) ? Uint8Array.from(value) : value;
}
