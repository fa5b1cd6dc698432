/**
 * An open database where the kernel is: its connection, the schema it sees, and its statements.
 *
 * Invariants:
 *   D1  After a statement that changed the schema, the schema is read again before anything is compiled. As long as the change
 *       is not committed the schema is private to the connection, and doomed when the transaction ends, however it does.
 *   D2  A statement never runs against a doomed schema (statement.js), nor against another cookie (the kernel checks).
 *   D3  A Program's data stays in kernel memory while a statement uses it.
 */

import {
  Connection as C,
  DB_PAGE_COUNT,
  DB_SCHEMA_COOKIE,
  OPEN_CREATE,
  OPEN_MEMORY,
  OPEN_READONLY,
} from '../base/abi.js';
import { misuse, SQLITE_ERROR, SQLITE_MISUSE, SQLITE_SCHEMA, SqlError } from '../base/errors.js';
import { checkHeader, withoutWal } from './file.js';
import { parseProgram } from './program.js';
import { Statement } from './statement.js';

/** As better-sqlite3's. */
const BUSY_TIMEOUT_MS = 5000;
const MAX_RETRIES = 50;
const MAX_TEXTS = 512;
const MAX_PROGRAMS = 512;
const CACHED_TEXT = 1 << 16; // longer statements are bulk data, hardly ever seen twice

/**
 * @typedef {import('./kernel.js').Loaded & {uses: number, retired: boolean}} CountedProgram
 * @typedef {object} Where
 * @property {string} name as it was asked for
 * @property {string} file the kernel's path
 * @property {boolean} inMemory
 * @property {import('./engine.js').OpenOptions} options
 * @typedef {object} Schema
 * @property {number} number the compiler's
 * @property {number} cookie
 * @property {boolean} doomed
 * @property {Map<string, Prepared>} texts
 * @property {Map<number, CountedProgram>} programs
 * @typedef {object} Prepared
 * @property {string} sql
 * @property {number} start
 * @property {number} end
 * @property {boolean} tail another statement follows
 * @property {CountedProgram} loaded
 * @property {Uint8Array} literals
 * @property {[number, number, number][]} rowsLiterals index, rows, width
 * @property {Schema} schema
 */

export class Database {
  /** @type {Set<Statement>} */ #statements = new Set();
  /** @type {Schema | null} */ #schema = null;
  /** @type {Schema} */ #bootstrap;
  #private = false;
  #busyTimeout;
  connection = 0;

  /**
   * Made by Engine.open.
   * @param {import('./engine.js').Engine} engine
   * @param {Where} where
   */
  constructor(engine, where) {
    this.engine = engine;
    this.kernel = engine.kernel;
    this.name = where.name;
    this.where = where;
    this.readonly = Boolean(where.options.readonly);
    /** @type {import('./rows.js').Integers} */
    this.integers = where.options.integers ?? 'auto';
    this.#busyTimeout = where.options.timeout ?? BUSY_TIMEOUT_MS;
    this.#bootstrap = this.#newSchema(-1, null, null);
    this.connect();
  }

  /** Open the file in the kernel. */
  connect() {
    const { kernel, where } = this;
    const { readonly, create } = where.options;
    const access = readonly ? OPEN_READONLY : create === false ? 0 : OPEN_CREATE;
    const flags = where.inMemory ? OPEN_MEMORY | OPEN_CREATE : access;
    const connection = kernel.call('connection_new') >>> 0;
    try {
      kernel.withText(where.file, (at, size) => kernel.call('connection_open', connection, 0, at, size, flags));
    } catch (error) {
      kernel.call('connection_free', connection);
      throw error;
    }
    this.connection = connection;
    kernel.refresh().i32[(connection + C.busy_timeout_ms) >>> 2] = this.#busyTimeout;
  }

  /** Let everything of the kernel's go; what was prepared is compiled again after `connect`. */
  disconnect() {
    for (const statement of [...this.#statements]) statement.abandon();
    this.#dropSchema();
    const { connection } = this;
    this.#busyTimeout = this.busyTimeout;
    this.connection = 0;
    this.kernel.call('connection_free', connection);
  }

  /** What PRAGMA database_list says of it. */
  get path() {
    return this.where.inMemory ? '' : this.where.name;
  }

  /** Whether it can be used. */
  get open() {
    return this.connection !== 0;
  }

  #mustBeOpen() {
    if (!this.connection) throw misuse('the database is closed');
  }

  // --- state the kernel keeps -----------------------------------------------------------------------

  /** Whether a transaction is open (BEGIN without COMMIT). */
  get inTransaction() {
    return this.connection !== 0 && this.kernel.refresh().i32[(this.connection + C.autocommit) >>> 2] === 0;
  }

  /** PRAGMA busy_timeout: how long who drives a statement may wait for another connection's lock, in milliseconds. */
  get busyTimeout() {
    return this.kernel.refresh().i32[(this.connection + C.busy_timeout_ms) >>> 2];
  }

  /** Rows changed since the database was opened. */
  get totalChanges() {
    this.#mustBeOpen();
    return Number(this.kernel.refresh().i64[(this.connection + C.total_changes) >>> 3]);
  }

  /**
   * What `run` returns.
   * @param {import('./program.js').Program} program
   * @param {import('./rows.js').Integers} integers
   * @returns {{changes: number, lastInsertRowid: number | bigint}}
   */
  outcome(program, integers) {
    // Halves of the 64-bit counters: a BigInt per inserted row would be a tenth of its time.
    const { i32, u32, i64 } = this.kernel.refresh();
    const at = (this.connection + C.last_insert_rowid) >>> 2;
    const changes = (this.connection + C.changes) >>> 2;
    const high = i32[at + 1];
    const small = high >= -0x200000 && high < 0x200000;
    return {
      changes: program.counts_changes ? i32[changes + 1] * 4294967296 + u32[changes] : 0,
      lastInsertRowid:
        small && integers !== 'bigint'
          ? high * 4294967296 + u32[at]
          : integers === 'number'
            ? Number(i64[at >>> 1])
            : i64[at >>> 1],
    };
  }

  /** Make a running statement stop with SQLITE_INTERRUPT; to be called between its time slices. */
  interrupt() {
    if (this.connection) this.kernel.refresh().i32[(this.connection + C.interrupted) >>> 2] = 1;
  }

  // --- statements ------------------------------------------------------------------------------------

  /** Compile one statement. Errors: SqlError; more than one statement, or none. @param {string} sql */
  prepare(sql) {
    if (typeof sql !== 'string') throw new TypeError(`SQL must be a string, not ${typeof sql}`);
    const prepared = this.prepareText(sql, 0);
    if (!prepared.loaded) throw new SqlError('the SQL text contains no statement', SQLITE_MISUSE);
    if (prepared.tail) {
      throw new SqlError('the SQL text contains more than one statement: use exec()', SQLITE_MISUSE, prepared.end);
    }
    return new Statement(this, prepared);
  }

  /** Run all statements of a text, dropping rows. @param {string} sql */
  exec(sql) {
    for (const statement of this.each(sql)) statement.run();
    return this;
  }

  /** The statements of a text, one after the other; each is compiled after the one before it was run. @param {string} sql */
  *each(sql) {
    for (let at = 0; at < sql.length; ) {
      const prepared = this.prepareText(sql, at);
      at = prepared.end;
      if (!prepared.loaded) continue;
      const statement = new Statement(this, prepared);
      try {
        yield statement;
      } finally {
        statement.finalize();
      }
    }
  }

  /** Run a PRAGMA: its rows, or with {simple: true} its first value. @param {string} text @param {{simple?: boolean}} [options] */
  pragma(text, { simple = false } = {}) {
    const statement = this.prepare(`PRAGMA ${text}`);
    try {
      return simple ? statement.pluck().get() : statement.all();
    } finally {
      statement.finalize();
    }
  }

  /**
   * A function that runs `fn` in a transaction; inside another one, in a savepoint. Rolled back when `fn` throws.
   * @template {any[]} A
   * @template R
   * @param {(...args: A) => R} fn
   * @returns {((...args: A) => R) & {deferred: (...args: A) => R, immediate: (...args: A) => R, exclusive: (...args: A) => R}}
   */
  transaction(fn) {
    const mode =
      (/** @type {string} */ begin) =>
      (/** @type {A} */ ...args) =>
        this.#inTransaction(begin, () => fn(...args));
    const deferred = mode('BEGIN');
    return Object.assign((/** @type {A} */ ...args) => deferred(...args), {
      deferred,
      immediate: mode('BEGIN IMMEDIATE'),
      exclusive: mode('BEGIN EXCLUSIVE'),
    });
  }

  /** @template R @param {string} begin @param {() => R} act @returns {R} */
  #inTransaction(begin, act) {
    const nested = this.inTransaction;
    this.exec(nested ? 'SAVEPOINT _transaction' : begin);
    try {
      const result = act();
      if (result instanceof Promise) throw new TypeError('a transaction function must not return a promise');
      this.exec(nested ? 'RELEASE _transaction' : 'COMMIT');
      return result;
    } catch (error) {
      if (this.inTransaction) this.exec(nested ? 'ROLLBACK TO _transaction; RELEASE _transaction' : 'ROLLBACK');
      throw error;
    }
  }

  /** @param {Statement} statement */
  opened(statement) {
    this.#mustBeOpen();
    this.#statements.add(statement);
    statement.prepared.loaded.uses++;
  }

  /** @param {Statement} statement */
  closed(statement) {
    if (!this.#statements.delete(statement)) return;
    const { loaded } = statement.prepared;
    loaded.uses--;
    if (loaded.retired && loaded.uses === 0) this.kernel.unload(loaded);
  }

  // --- preparing ---------------------------------------------------------------------------------------

  /** The statement at `start` of a text. @param {string} sql @param {number} start @returns {Prepared} */
  prepareText(sql, start) {
    this.#mustBeOpen();
    const known = start === 0 ? this.#schema?.texts.get(sql) : undefined;
    if (known) return known;
    try {
      return this.#compile(this.#currentSchema(), sql, start);
    } catch (error) {
      if (!(error instanceof SqlError) || !this.#schemaMoved()) throw error;
    }
    return this.#compile(this.#currentSchema(), sql, start);
  }

  /** The same text against the schema of now. @param {Prepared} prepared */
  prepareAgain(prepared) {
    if (prepared.schema === this.#schema) this.#dropSchema();
    return this.prepareText(prepared.sql, prepared.start);
  }

  /** @param {Schema} schema @param {string} sql @param {number} start @returns {Prepared} */
  #compile(schema, sql, start) {
    const reply = this.engine.compiler.compile(schema.number, sql, start);
    const loaded = reply.program === undefined ? null : this.#load(schema, reply.program);
    /** @type {Prepared} */
    const prepared = {
      sql,
      start,
      end: reply.end,
      tail: reply.tail,
      loaded: /** @type {any} */ (loaded),
      literals: reply.literals,
      rowsLiterals: reply.rows_literals ?? [],
      schema,
    };
    if (start === 0 && sql.length < CACHED_TEXT) {
      if (schema.texts.size >= MAX_TEXTS) schema.texts.delete(schema.texts.keys().next().value ?? '');
      schema.texts.set(sql, prepared);
    }
    return prepared;
  }

  /** A Program beside the kernel. @param {Schema} schema @param {number} number */
  #load(schema, number) {
    let loaded = schema.programs.get(number);
    if (loaded) return loaded;
    if (schema.programs.size >= MAX_PROGRAMS) this.#evict(schema);
    const program = parseProgram(this.engine.compiler.program(number));
    loaded = { ...this.kernel.load(program), uses: 0, retired: false };
    schema.programs.set(number, loaded);
    return loaded;
  }

  /** Let the older half of the Programs go. @param {Schema} schema */
  #evict(schema) {
    const old = [...schema.programs].slice(0, MAX_PROGRAMS / 2);
    for (const [number, loaded] of old) {
      schema.programs.delete(number);
      this.#retire(loaded);
    }
    schema.texts.clear();
  }

  /** @param {CountedProgram} loaded */
  #retire(loaded) {
    loaded.retired = true;
    if (loaded.uses === 0) this.kernel.unload(loaded);
  }

  // --- schema --------------------------------------------------------------------------------------------

  /** @param {number} cookie @param {unknown[][] | null} rows @param {unknown[][] | null} statistics @returns {Schema} */
  #newSchema(cookie, rows, statistics) {
    const { schema } = this.engine.compiler.openSchema(this.path, cookie, rows, statistics);
    return { number: schema, cookie, doomed: false, texts: new Map(), programs: new Map() };
  }

  #currentSchema() {
    this.#schema ??= this.#readSchema();
    return this.#schema;
  }

  #cookie() {
    return Number(this.kernel.call('database_get', this.connection, 0, DB_SCHEMA_COOKIE));
  }

  /** True, and the schema forgotten, when it is no longer the one in the file. */
  #schemaMoved() {
    if (!this.#schema || this.#cookie() === this.#schema.cookie) return false;
    this.#dropSchema();
    return true;
  }

  #readSchema() {
    const { compiler } = this.engine;
    for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
      const cookie = this.#cookie();
      if (Number(this.kernel.call('database_get', this.connection, 0, DB_PAGE_COUNT)) === 0) {
        return this.#newSchema(cookie, null, null);
      }
      const rows = this.#query(this.#bootstrap, compiler.queries.schema);
      const first = compiler.openSchema(this.path, cookie, rows, null);
      let schema = { number: first.schema, cookie, doomed: false, texts: new Map(), programs: new Map() };
      if (first.statistics) {
        const statistics = this.#query(schema, compiler.queries.statistics);
        this.#closeSchema(schema);
        schema = this.#newSchema(cookie, rows, statistics);
      }
      if (this.#cookie() === cookie) return schema;
      this.#closeSchema(schema);
    }
    throw new SqlError('database schema has changed', SQLITE_SCHEMA);
  }

  /** All rows of a query of ours. @param {Schema} schema @param {string} sql @returns {unknown[][]} */
  #query(schema, sql) {
    const statement = new Statement(this, schema.texts.get(sql) ?? this.#compile(schema, sql, 0));
    try {
      return statement.raw().all();
    } finally {
      statement.finalize();
    }
  }

  #dropSchema() {
    const schema = this.#schema;
    if (!schema) return;
    this.#schema = null;
    if (this.#private) schema.doomed = true;
    this.#closeSchema(schema);
  }

  /** @param {Schema} schema */
  #closeSchema(schema) {
    for (const loaded of schema.programs.values()) this.#retire(loaded);
    schema.programs.clear();
    schema.texts.clear();
    this.engine.compiler.closeSchema(schema.number);
  }

  /** A statement ran to its end (D1). @param {import('./program.js').Program} program */
  completed(program) {
    if (program.changes_schema) {
      this.#dropSchema();
      this.#private = this.inTransaction;
    } else if (this.#private) {
      if (program.kind === 'transaction') this.#dropSchema();
      this.failed();
    }
  }

  /** A statement failed, and with it maybe the transaction (D1). */
  failed() {
    if (this.#private && !this.inTransaction) {
      this.#dropSchema();
      this.#private = false;
    }
  }

  // --- whole files -----------------------------------------------------------------------------------------

  /** The database as a file that SQLite opens. Errors: inside a transaction. @returns {Uint8Array<ArrayBuffer>} */
  export() {
    this.#mustBeOpen();
    if (this.inTransaction) throw new SqlError('cannot export within a transaction', SQLITE_ERROR);
    this.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return withoutWal(this.engine.files.contentOf(this.where.file));
  }

  /**
   * Replace the whole database by a file that can be read, or by an empty one. The old one stays as it is when this fails. Prepared
   * statements are compiled again when they are used.
   * @param {Uint8Array | ArrayBuffer | Blob} source
   * @throws {SqlError} SQLITE_NOTADB, SQLITE_CORRUPT; SQLITE_ERROR in a transaction; SQLITE_READONLY
   */
  async import(source) {
    this.#mustBeOpen();
    if (this.inTransaction) throw new SqlError('cannot import within a transaction', SQLITE_ERROR);
    if (this.readonly) throw new SqlError('attempt to write a readonly database', 8);
    const blob = source instanceof Blob ? source : new Blob([/** @type {BlobPart} */ (source)]);
    if (blob.size) await this.#mustBeReadable(blob);
    this.#mustBeOpen();
    await this.engine.replace(this, blob);
  }

  /** @param {Blob} blob */
  async #mustBeReadable(blob) {
    await checkHeader(blob);
    const candidate = await this.engine.open(blob);
    try {
      candidate.prepare('SELECT count(*) FROM sqlite_schema').get();
    } finally {
      await candidate.close();
    }
  }

  // --- the end -----------------------------------------------------------------------------------------------

  /** Roll back what is open, free everything and give the file up. Safe to call twice. */
  async close() {
    if (!this.connection) return;
    this.engine.databases.delete(this);
    for (const statement of [...this.#statements]) statement.finalize();
    this.disconnect();
    this.#closeSchema(this.#bootstrap);
    await this.engine.files.release(this.where.file);
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }
}
