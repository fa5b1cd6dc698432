/**
 * SQLite's C API as wa-sqlite has it for JavaScript (https://rhashimoto.github.io/wa-sqlite/docs/interfaces/SQLiteAPI.html), on our engine.
 *
 *     import SQLiteESMFactory, * as SQLite from 'turso-wasm/capi';
 *     const sqlite3 = SQLite.Factory(await SQLiteESMFactory());
 *     const db = await sqlite3.open_v2('app.db');
 *
 * Databases and statements are numbers. What takes a statement's or a database's number that is none throws SQLITE_MISUSE.
 */

import { AUTHORIZER, CODE_NAMES } from '../../base/abi.js';
import { backupsOf, blobsOf } from './capi_copies.js';
import { callbacks } from './capi_functions.js';
import { Handles } from './capi_handles.js';
import { hooksOf } from './capi_hooks.js';
import { columnsOf, expanded, parametersOf } from './capi_statements.js';
import {
  asError,
  checked,
  ok,
  SQLITE_DONE,
  SQLITE_MISUSE,
  SQLITE_OK,
  SQLITE_OPEN_CREATE,
  SQLITE_OPEN_MEMORY,
  SQLITE_OPEN_READONLY,
  SQLITE_OPEN_READWRITE,
  SQLITE_ROW,
  SQLiteError,
} from './capi_values.js';
import { Cursor, Statement as HostStatement, numberOfVersion, startedEngine, versionOf } from './memory.js';

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

export const {
  SQLITE_DENY,
  SQLITE_IGNORE,
  SQLITE_CREATE_INDEX,
  SQLITE_CREATE_TABLE,
  SQLITE_CREATE_TEMP_INDEX,
  SQLITE_CREATE_TEMP_TABLE,
  SQLITE_CREATE_TEMP_TRIGGER,
  SQLITE_CREATE_TEMP_VIEW,
  SQLITE_CREATE_TRIGGER,
  SQLITE_CREATE_VIEW,
  SQLITE_DELETE,
  SQLITE_DROP_INDEX,
  SQLITE_DROP_TABLE,
  SQLITE_DROP_TEMP_INDEX,
  SQLITE_DROP_TEMP_TABLE,
  SQLITE_DROP_TEMP_TRIGGER,
  SQLITE_DROP_TEMP_VIEW,
  SQLITE_DROP_TRIGGER,
  SQLITE_DROP_VIEW,
  SQLITE_INSERT,
  SQLITE_PRAGMA,
  SQLITE_READ,
  SQLITE_SELECT,
  SQLITE_TRANSACTION,
  SQLITE_UPDATE,
  SQLITE_ATTACH,
  SQLITE_DETACH,
  SQLITE_ALTER_TABLE,
  SQLITE_REINDEX,
  SQLITE_ANALYZE,
  SQLITE_CREATE_VTABLE,
  SQLITE_DROP_VTABLE,
  SQLITE_FUNCTION,
  SQLITE_SAVEPOINT,
  SQLITE_RECURSIVE,
} = AUTHORIZER;

/** The engine, which `Factory` takes. @param {{assets?: string | URL, pyodide?: string | URL}} [config] */
export default function SQLiteESMFactory(config) {
  return startedEngine(config);
}

/** @param {import('../engine.js').Engine} engine */
export function Factory(engine) {
  return Object.freeze(apiOf(engine));
}

/** @param {import('../engine.js').Engine} engine */
function apiOf(engine) {
  const { version } = versionOf(engine);
  /** @type {Handles<any>} */ const databases = new Handles('database');
  /** @type {Handles<{cursor: Cursor, db: number}>} */ const statements = new Handles('statement');
  const cursorOf = (/** @type {number} */ stmt) => statements.get(stmt).cursor;
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
    /** @param {number} db @param {string} [name] */
    db_filename: (db, name = 'main') =>
      databases.get(db).prepare('SELECT file FROM pragma_database_list WHERE name = ?').pluck().get(name) ?? null,
    /** Its database as the bytes of a file. @param {number} db @param {string} [name] */
    serialize: (db, name = 'main') => checked(() => databases.get(db).serialize({ attached: name })),
    /** What a database consists of from now on. @param {number} db @param {Uint8Array} bytes */
    async deserialize(db, bytes) {
      try {
        await databases.get(db).deserialize(bytes);
        return SQLITE_OK;
      } catch (error) {
        throw asError(error);
      }
    },
    /** Put a copy in the place of another database of the same kind of storage. @param {number} db @param {string} name @param {{progress?: any, attached?: string}} [options] */
    async backup(db, name, options) {
      try {
        return await databases.get(db).backup(name, options);
      } catch (error) {
        throw asError(error);
      }
    },
    /**
     * @param {number} db @param {string} name @param {number} _encoding which JavaScript has not @param {any} app the first argument of compare
     * @param {((app: any, a: string, b: string) => number) | null} compare null: it is gone
     */
    create_collation: (db, name, _encoding, app, compare) =>
      checked(() => {
        const host = databases.get(db);
        if (compare) host.collation(name, (/** @type {string} */ a, /** @type {string} */ b) => compare(app, a, b));
        else host.remove('collation', name);
        return SQLITE_OK;
      }),
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
    /** Its text with the values of its parameters. @param {number} stmt */
    expanded_sql: (stmt) => expanded(cursorOf(stmt), api.sql(stmt)),
    /** @param {number} stmt */
    stmt_readonly: (stmt) => cursorOf(stmt).statement.readonly,
    /** @param {number} stmt */
    stmt_busy: (stmt) => cursorOf(stmt).running,

    ...parametersOf(cursorOf),
    ...columnsOf(cursorOf),
    libversion: () => version,
    libversion_number: () => numberOfVersion(version),
    ...blobsOf((db) => databases.get(db)),
    ...backupsOf((db) => databases.get(db)),
    ...callbacks((db) => databases.get(db), checked),
    ...hooksOf((db) => databases.get(db), checked),
  };
  return api;
}
