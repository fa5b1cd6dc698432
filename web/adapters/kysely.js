/**
 * A dialect for Kysely.
 *
 *     import { Kysely } from 'kysely';
 *     import { TursoDialect } from 'turso-wasm/kysely';
 *     const db = new Kysely({ dialect: new TursoDialect({ database: await connect('app.db') }) });
 */

import { SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { alone, scopeOf } from './scope.js';

/** What a transaction ends with that Kysely rolls back. */
const ROLLED_BACK = Symbol('rolled back');
/** How many rows a part of a stream has unless Kysely says. */
const CHUNK = 1;

/**
 * @typedef {import('kysely').CompiledQuery} CompiledQuery
 * @typedef {import('kysely').QueryResult<any>} QueryResult
 * @typedef {import('kysely').Dialect} KyselyDialect
 * @typedef {import('kysely').Driver} KyselyDriver
 * @typedef {import('kysely').DatabaseConnection} KyselyConnection
 * @typedef {import('./scope.js').Scope} Scope
 * @typedef {import('./kysely.js').TursoDialectConfig} Config
 */

/** @implements {KyselyDialect} */
export class TursoDialect {
  #config;
  /** @type {{name: string}} */ #opened = { name: ':memory:' };

  /** @param {Config} config */
  constructor(config) {
    if (!config?.database)
      throw new TypeError('TursoDialect takes { database }: a database, or a function that opens one');
    this.#config = config;
  }

  createDriver() {
    return new Driver(this.#config, this.#opened);
  }

  createQueryCompiler() {
    return new SqliteQueryCompiler();
  }

  createAdapter() {
    return new Adapter(this.#opened);
  }

  /** @param {import('kysely').Kysely<any>} db */
  createIntrospector(db) {
    return new SqliteIntrospector(db);
  }
}

/** Migrations of several tabs wait for each other. */
class Adapter extends SqliteAdapter {
  /** @type {() => void} */ #release = () => undefined;

  /** @param {{name: string}} opened */
  constructor(opened) {
    super();
    this.opened = opened;
  }

  /** @override @returns {Promise<void>} */
  acquireMigrationLock() {
    return new Promise((resolve, reject) => {
      const held = () =>
        new Promise((/** @type {(nothing: void) => void} */ release) => {
          this.#release = release;
          resolve();
        });
      alone(this.opened.name, held).catch(reject);
    });
  }

  /** @override */
  async releaseMigrationLock() {
    this.#release();
  }
}

/** @implements {KyselyDriver} */
class Driver {
  /** @type {any} */ #database;
  /** @type {Scope | null} */ #scope = null;

  /** @param {Config} config @param {{name: string}} opened */
  constructor(config, opened) {
    this.config = config;
    this.opened = opened;
  }

  async init() {
    const { database, onCreateConnection } = this.config;
    this.#database = typeof database === 'function' ? await database() : await database;
    this.#scope = scopeOf(this.#database);
    this.opened.name = this.#database.name;
    await onCreateConnection?.(new Connection(this.#scope));
  }

  /** All are on the one connection; what is not part of a transaction waits until that is over (scope.js). */
  async acquireConnection() {
    return new Connection(/** @type {Scope} */ (this.#scope));
  }

  /** @param {Connection} connection @param {import('kysely').TransactionSettings} settings */
  async beginTransaction(connection, settings) {
    await connection.begin(this.config.begin ?? 'deferred', settings.accessMode === 'read only');
  }

  /** @param {Connection} connection */
  async commitTransaction(connection) {
    await connection.commit();
  }

  /** @param {Connection} connection */
  async rollbackTransaction(connection) {
    await connection.rollback();
  }

  /** @param {Connection} connection @param {string} name */
  async savepoint(connection, name) {
    await connection.scope.exec(`SAVEPOINT ${quoted(name)}`);
  }

  /** @param {Connection} connection @param {string} name */
  async rollbackToSavepoint(connection, name) {
    await connection.scope.exec(`ROLLBACK TO ${quoted(name)}`);
  }

  /** @param {Connection} connection @param {string} name */
  async releaseSavepoint(connection, name) {
    await connection.scope.exec(`RELEASE ${quoted(name)}`);
  }

  async releaseConnection() {}

  async destroy() {
    await this.#database?.close();
  }
}

/** @param {string} name */
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}

/** @implements {KyselyConnection} */
class Connection {
  /** @type {{end: (how: {commit: boolean}) => void, over: Promise<void>, outside: Scope} | null} */ #transaction =
    null;

  /** @param {Scope} scope */
  constructor(scope) {
    this.scope = scope;
  }

  /** @param {CompiledQuery} query @returns {Promise<QueryResult>} */
  executeQuery({ sql, parameters, query }) {
    const params = /** @type {any[]} */ ([...parameters]);
    return this.scope.use(sql, async (statement) => {
      const isReader = returnsRows(query) ?? (await readerOf(statement));
      if (isReader) return { rows: await statement.all(params) };
      const { changes, lastInsertRowid } = await statement.run(params);
      return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
    });
  }

  /** @param {CompiledQuery} query @param {number} [size] rows of a part @returns {AsyncIterableIterator<QueryResult>} */
  async *streamQuery({ sql, parameters }, size = CHUNK) {
    /** @type {any[]} */ let rows = [];
    for await (const row of this.scope.iterate(sql, /** @type {any[]} */ ([...parameters]))) {
      if (rows.push(row) < size) continue;
      yield { rows };
      rows = [];
    }
    if (rows.length) yield { rows };
  }

  /** @param {import('./scope.js').Behavior} behavior @param {boolean} readonly @returns {Promise<void>} */
  begin(behavior, readonly) {
    return new Promise((resolve, reject) => {
      const outside = this.scope;
      const over = outside.transaction(behavior, async (inside) => {
        this.scope = inside;
        const ended = new Promise((/** @type {(how: {commit: boolean}) => void} */ end) => {
          this.#transaction = { end, over, outside };
        });
        if (readonly) await inside.exec('PRAGMA query_only = ON');
        resolve();
        const { commit } = await ended;
        if (readonly) await inside.exec('PRAGMA query_only = OFF');
        if (!commit) throw ROLLED_BACK;
      });
      over.catch(reject); // it did not begin; later there is nobody who hears of it here
    });
  }

  async commit() {
    await this.#end(true);
  }

  async rollback() {
    await this.#end(false).catch((error) => {
      if (error !== ROLLED_BACK) throw error;
    });
  }

  /** @param {boolean} commit */
  async #end(commit) {
    const transaction = this.#transaction;
    if (!transaction) return;
    this.#transaction = null;
    transaction.end({ commit });
    try {
      await transaction.over;
    } finally {
      this.scope = transaction.outside;
    }
  }
}

/** Whether a query returns rows, if its tree tells. @param {any} query @returns {boolean | undefined} */
function returnsRows({ kind, returning }) {
  if (kind === 'SelectQueryNode') return true;
  return /^(Insert|Update|Delete)QueryNode$/.test(kind) ? returning !== undefined : undefined;
}

/** @param {any} statement */
async function readerOf(statement) {
  return typeof statement.reader === 'boolean' ? statement.reader : (await statement.describe()).reader;
}
