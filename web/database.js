/**
 * An open database where the kernel is: its connection, the schema it sees, and its statements.
 *
 * Invariants:
 *   D1  What is known of the schema holds for one schema epoch of the kernel's connection and one set of schema cookies. Nothing is
 *       compiled against an older epoch, and a Program that belongs to another Schema, epoch or cookie is refused by the kernel with
 *       SQLITE_SCHEMA before it does anything; then its text is prepared again (statement.js S2).
 */

import {
  KernelConnection as C,
  DB_PAGE_COUNT,
  DB_SCHEMA_COOKIE,
  DB_SCHEMA_FORMAT,
  ENCODING_SHIFT,
  N_SLOTS,
  OPEN_CREATE,
  OPEN_MEMORY,
  OPEN_READONLY,
  SETTINGS_COMPILED,
  TEMP_SLOT,
  UTF8,
} from '../base/abi.js';
import { misuse, NotYet, SQLITE_BUSY, SQLITE_ERROR, SQLITE_MISUSE, SQLITE_SCHEMA, SqlError } from '../base/errors.js';
import { NEEDS_NO_SCHEMA, SCHEMA_QUERY, STATISTICS_QUERY } from '../base/sql.js';
import { checkHeader, withoutWal } from './file.js';
import { hasMore, lex } from './lexer.js';
import { encodeLiterals } from './literals.js';
import { keyFor } from './schema.js';
import { HostStatement } from './statement.js';
import {
  describeAggregate,
  describeCollation,
  describeFunction,
  describeTable,
  describeTokenizer,
  UserCode,
} from './usercode.js';
import { sleep, whenPossible } from './waiting.js';

const DESCENDING_FORMAT = 4; // the first schema format whose indexes honour DESC
/** As better-sqlite3's. */
const BUSY_TIMEOUT_MS = 5000;
const MAX_RETRIES = 50;
const CACHED_TEXT = 1 << 16; // longer statements are bulk data, hardly ever seen twice

/**
 * @typedef {object} Where
 * @property {string} name as it was asked for
 * @property {string} file the kernel's path
 * @property {boolean} inMemory
 * @property {import('./engine.js').OpenOptions} options
 * @typedef {import('./schema.js').Schema} Schema
 * @typedef {import('./schema.js').View} View
 * @typedef {import('./schema.js').Prepared} Prepared
 */

export class HostDatabase {
  /** @type {Set<HostStatement>} */ #statements = new Set();
  /** @type {View | null} */ #view = null;
  #user = new UserCode();
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
    this.connect();
  }

  get #calls() {
    return /** @type {import('./usercode.js').UserCalls} */ (this.kernel.user);
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
    this.#calls.connections.set(connection, this.#user);
    kernel.refresh().i32[(connection + C.busy_timeout_ms) >>> 2] = this.#busyTimeout;
  }

  /** Let everything of the kernel's go; what was prepared is compiled again after `connect`. */
  disconnect() {
    for (const statement of [...this.#statements]) statement.abandon();
    this.#see(null);
    const { connection } = this;
    this.#busyTimeout = this.busyTimeout;
    this.connection = 0;
    this.kernel.call('connection_free', connection);
    this.#calls.connections.delete(connection);
  }

  /** The file in a slot, as the kernel calls it: '' for a private one, null where none is open. @param {number} slot */
  #fileOf(slot) {
    if (!this.#isOpen(slot)) return null;
    const name = BigInt.asUintN(64, this.kernel.call('database_name', this.connection, slot));
    return this.kernel.text(Number(name & 0xffffffffn), Number(name >> 32n));
  }

  /** The files in stores that it has open: of the main database, and of attached ones. */
  get files() {
    const files = new Set([this.where.file]);
    for (let slot = TEMP_SLOT + 1; this.connection && slot < N_SLOTS; slot++) {
      const file = this.#fileOf(slot);
      if (file) files.add(file);
    }
    return [...files];
  }

  /** The files by slot, as PRAGMA database_list shows them. */
  get #paths() {
    return Array.from({ length: N_SLOTS }, (_, slot) => {
      const file = this.#fileOf(slot);
      return file === null ? null : this.engine.stores.shown(file);
    });
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
    if (!prepared) throw new SqlError('the SQL text contains no statement', SQLITE_MISUSE);
    if (hasMore(sql, prepared.end)) {
      throw new SqlError('the SQL text contains more than one statement: use exec()', SQLITE_MISUSE, prepared.end);
    }
    return new HostStatement(this, prepared);
  }

  /** Run all statements of a text, dropping rows. @param {string} sql */
  exec(sql) {
    for (const statement of this.each(sql)) statement.run();
    return this;
  }

  /** The statements of a text, one after the other; each is compiled after the one before it was run. @param {string} sql */
  *each(sql) {
    for (let at = 0; ; ) {
      const prepared = this.prepareText(sql, at);
      if (!prepared) return;
      at = prepared.end;
      const statement = new HostStatement(this, prepared);
      try {
        yield statement;
      } finally {
        statement.finalize();
      }
    }
  }

  /**
   * The same for who can wait for the compiler, and for locks.
   * @param {string} sql
   * @param {typeof whenPossible} possible
   */
  async *eachWhenPossible(sql, possible = whenPossible) {
    for (let at = 0; ; ) {
      const from = at;
      const prepared = await possible(() => this.prepareText(sql, from));
      if (!prepared) return;
      at = prepared.end;
      const statement = new HostStatement(this, prepared);
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

  /** @param {HostStatement} statement */
  opened(statement) {
    this.#mustBeOpen();
    this.#statements.add(statement);
    statement.prepared.loaded.uses++;
  }

  /** @param {HostStatement} statement */
  closed(statement) {
    if (!this.#statements.delete(statement)) return;
    const { schema, loaded } = statement.prepared;
    schema.leave(loaded);
  }

  // --- code of the user's ------------------------------------------------------------------------------

  /**
   * Let SQL call `code`. It is given numbers, strings, Uint8Arrays and null, and returns what can be bound; what it throws the
   * statement throws. Replaces a function of the same name and number of arguments.
   * @param {string} name
   * @param {...any} rest optionally {deterministic, directOnly, varargs, safeIntegers}, then the function
   */
  function(name, ...rest) {
    const [options, code] = rest.length > 1 ? rest : [{}, rest[0]];
    return this.#register(...describeFunction(name, options, code));
  }

  /**
   * Let SQL call an aggregate, with `inverse` also as a window function.
   * @param {string} name
   * @param {import('./usercode.js').AggregateOptions} options start: the first total, or what makes it (null); step(total, ...values): the
   *   new total, undefined keeps it; inverse: likewise; result(total): the value (the total itself)
   */
  aggregate(name, options) {
    return this.#register(...describeAggregate(name, options));
  }

  /**
   * Let SQL call a function in FROM.
   * @param {string} name
   * @param {{rows: (...values: any[]) => Iterable<any>, columns: string[], parameters?: string[], directOnly?: boolean, safeIntegers?: boolean}} options
   *   rows: gives rows, arrays or objects by column; parameters: names of the arguments, hidden columns
   */
  table(name, options) {
    return this.#register(...describeTable(name, options));
  }

  /** Let SQL order texts by `compare`. @param {string} name @param {(a: string, b: string) => number} compare */
  collation(name, compare) {
    return this.#register(...describeCollation(name, compare));
  }

  /**
   * Let full-text tables cut their texts by `tokenize`: tokenize='name setting …'.
   * @param {string} name @param {(text: string, ...settings: string[]) => Iterable<any[]>} tokenize
   */
  tokenizer(name, tokenize) {
    return this.#register(...describeTokenizer(name, tokenize));
  }

  /** SQL can no longer call what has this name, whatever its number of arguments. @param {import('./usercode.js').Own[0]} kind @param {string} name */
  remove(kind, name) {
    this.#mustBeOpen();
    this.#mustBeIdle(kind);
    this.#user.remove(kind, name);
    for (const statement of [...this.#statements]) statement.abandon(); // they may call it
    this.#see(null);
    return this;
  }

  /** @param {string} kind */
  #mustBeIdle(kind) {
    if (![...this.#statements].some((statement) => statement.busy)) return;
    const what = kind === 'collation' ? 'collation sequence' : kind === 'table' ? 'module' : 'user-function';
    throw new SqlError(`unable to delete/modify ${what} due to active statements`, SQLITE_BUSY);
  }

  /** @param {import('./usercode.js').Own} own @param {import('./usercode.js').Callable} code */
  #register(own, code) {
    this.#mustBeOpen();
    if (this.#user.numberOf(own) >= 0) this.#mustBeIdle(own[0]);
    this.#user.put(own, code);
    this.#see(null);
    return this;
  }

  // --- preparing ---------------------------------------------------------------------------------------

  /**
   * The first statement at or behind `start` of a text; null when there is none. Errors: SqlError; NotYet while the compiler is needed and
   * not loaded, or the schema is locked.
   * @param {string} sql
   * @param {number} start
   * @returns {Prepared | null}
   */
  prepareText(sql, start) {
    this.#mustBeOpen();
    const known = start === 0 ? this.#view?.schema.texts.get(sql) : undefined;
    // The kernel refuses what is out of date, or we do.
    if (known && (known.loaded.program.checks.length || this.#view?.epoch === this.#epoch())) return known;
    const lexed = lex(sql, start);
    if (!lexed.key) return null;
    const { bootstrap } = this.engine.library;
    const text = sql.slice(lexed.start, lexed.end);
    if (NEEDS_NO_SCHEMA.test(text)) return this.#prepare(bootstrap, sql, start, lexed);
    try {
      return this.#prepare(this.#seen().schema, sql, start, lexed);
    } catch (error) {
      if (!(error instanceof SqlError) || error instanceof NotYet || !this.#schemaMoved()) throw error;
    }
    return this.#prepare(this.#seen().schema, sql, start, lexed);
  }

  /** The same text against the schema of now. @param {Prepared} prepared @returns {Prepared} */
  prepareAgain(prepared) {
    this.#see(null);
    return /** @type {Prepared} */ (this.prepareText(prepared.sql, prepared.start));
  }

  /** @param {Schema} schema @param {string} sql @param {number} start @param {import('./lexer.js').Lexed} lexed @returns {Prepared} */
  #prepare(schema, sql, start, lexed) {
    const text = sql.slice(lexed.start, lexed.end);
    const loaded = schema.find(lexed, text);
    const prepared = loaded
      ? { sql, start, end: lexed.end, loaded, literals: encodeLiterals(lexed.literals), schema }
      : this.#compile(schema, sql, start, lexed);
    if (start === 0 && sql.length < CACHED_TEXT && prepared.loaded.program.shared) schema.addText(prepared);
    return prepared;
  }

  /** @param {Schema} schema @param {string} sql @param {number} start @param {import('./lexer.js').Lexed} lexed @returns {Prepared} */
  #compile(schema, sql, start, lexed) {
    if (this.where.options.compiler === false) throw this.#uncompiled(schema, sql, lexed);
    const { compiler } = this.engine;
    schema.number ||= compiler.openSchema(schema.key);
    // The arguments of a virtual table's module may hold semicolons: that is for the parser to see.
    const stop = lexed.first === 'CREATE' && lexed.second === 'VIRTUAL' ? sql.length : lexed.end;
    const text = sql.slice(lexed.start, stop);
    let compiled;
    try {
      compiled = compiler.compile(schema.number, text, this.#paths);
    } catch (error) {
      if (error instanceof SqlError && error.offset >= 0) error.offset += lexed.start;
      throw error;
    }
    const loaded = schema.add(keyFor(lexed, text, compiled), compiled.program);
    return { sql, start, end: lexed.start + compiled.end, loaded, literals: compiled.literals, schema };
  }

  /** @param {Schema} schema @param {string} sql @param {import('./lexer.js').Lexed} lexed */
  #uncompiled(schema, sql, lexed) {
    const text = sql.slice(lexed.start, lexed.end);
    const why = schema.isKnownElsewhere(lexed, text)
      ? 'its Program is for another schema (or other settings) than this database has'
      : 'no Program was compiled for it';
    return new SqlError(`the compiler is switched off, and ${why}: ${text}`, SQLITE_ERROR, lexed.start);
  }

  // --- schema --------------------------------------------------------------------------------------------

  /** The view that is current for statements of this schema; null: theirs is another one. @param {Schema} schema */
  viewOf(schema) {
    return this.#view?.schema === schema ? this.#view : null;
  }

  /** The schemas as they are now, read if need be (D1). @returns {View} */
  #seen() {
    if (!this.#view || this.#view.epoch !== this.#epoch()) {
      this.#see(null);
      this.#see(this.#whenFree(() => this.#readView()));
    }
    return /** @type {View} */ (this.#view);
  }

  /** @param {View | null} view */
  #see(view) {
    if (view) view.schema.users++;
    if (this.#view) this.#view.schema.users--;
    this.#view = view;
  }

  #lockedAttempts = 0;

  /** While the database is locked, a NotYet until the busy timeout is over. @template T @param {() => T} act @returns {T} */
  #whenFree(act) {
    try {
      const result = act();
      this.#lockedAttempts = 0;
      return result;
    } catch (error) {
      if (!(error instanceof SqlError) || error.errcode !== SQLITE_BUSY) throw error;
      const delay = this.kernel.call('busy_delay', this.connection, this.#lockedAttempts++);
      if (delay) throw new NotYet(error.message, error.errcode, () => sleep(delay));
      this.#lockedAttempts = 0;
      throw error;
    }
  }

  #epoch() {
    return this.kernel.refresh().i32[(this.connection + C.schema_epoch) >>> 2];
  }

  /** @param {number} slot @param {number} field */
  #get(slot, field) {
    return Number(this.kernel.call('database_get', this.connection, slot, field));
  }

  /** Whether a database is open in a slot. (The temp database is made when it is needed.) @param {number} slot */
  #isOpen(slot) {
    return this.kernel.refresh().i32[((this.connection + C.pagers) >>> 2) + slot] !== 0;
  }

  #cookies() {
    return Array.from({ length: N_SLOTS }, (_, slot) => (this.#isOpen(slot) ? this.#get(slot, DB_SCHEMA_COOKIE) : 0));
  }

  /** True, and the schema forgotten, when it is no longer the one in the files. */
  #schemaMoved() {
    const view = this.#view;
    if (!view || (view.epoch === this.#epoch() && `${view.cookies}` === `${this.#cookies()}`)) return false;
    this.#see(null);
    return true;
  }

  /** Main, temp, then the attached ones in order of attachment. */
  #databases() {
    const { kernel, connection } = this;
    const { u32 } = kernel.refresh();
    const field = (/** @type {number} */ offset, /** @type {number} */ slot) =>
      u32[((connection + offset) >>> 2) + slot];
    const attached = Array.from({ length: N_SLOTS }, (_, slot) => ({ slot, order: field(C.orders, slot) }))
      .filter(({ slot }) => slot > TEMP_SLOT && field(C.names, slot))
      .sort((a, b) => a.order - b.order)
      .map(({ slot }) => ({ slot, name: kernel.text(field(C.names, slot), field(C.name_sizes, slot)) }));
    return [{ slot: 0, name: 'main' }, { slot: TEMP_SLOT, name: 'temp' }, ...attached];
  }

  /** @returns {View} */
  #readView() {
    for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
      const epoch = this.#epoch();
      const cookies = this.#cookies();
      const encoding = (this.kernel.call('connection_encoding', this.connection) - UTF8) << ENCODING_SHIFT;
      const bootstrap = this.engine.library.bootstrapFor(encoding);
      const databases = this.#databases().map(({ slot, name }) => this.#readContents(slot, name, bootstrap));
      try {
        const compiled = this.kernel.refresh().i32[(this.connection + C.settings) >>> 2] & SETTINGS_COMPILED;
        const settings = compiled | encoding;
        const schema = this.engine.library.schema(databases, this.#user.own, settings);
        const view = this.#withStatistics({ schema, cookies, epoch });
        if (`${this.#cookies()}` === `${cookies}`) return view;
      } catch (error) {
        if (!(error instanceof SqlError) || error.errcode !== SQLITE_SCHEMA) throw error;
      }
    }
    throw new SqlError('database schema has changed', SQLITE_SCHEMA);
  }

  /** @param {number} slot @param {string} name @param {Schema} bootstrap @returns {import('./schema.js').Contents} */
  #readContents(slot, name, bootstrap) {
    const contents = { slot, name, descending: true, statistics: [] };
    if (!this.#isOpen(slot) || this.#get(slot, DB_PAGE_COUNT) === 0) return { ...contents, rows: [] };
    const known = quoted(bootstrap.databases[slot].name);
    const rows = this.#query(bootstrap, `${SCHEMA_QUERY} ${known}.sqlite_master`);
    const format = this.#get(slot, DB_SCHEMA_FORMAT) >>> 0;
    if (format > DESCENDING_FORMAT) throw new SqlError('unsupported file format', SQLITE_ERROR);
    const descending = rows.length === 0 || format >= DESCENDING_FORMAT;
    return { ...contents, rows, descending };
  }

  /** The same with what ANALYZE left, which a Program of the schema without reads. @param {View} view @returns {View} */
  #withStatistics(view) {
    const { databases, settings } = view.schema;
    if (!databases.some(hasStatistics)) return view;
    this.#see(view);
    try {
      const known = databases.map((contents) => {
        if (!hasStatistics(contents)) return contents;
        return {
          ...contents,
          statistics: this.#query(view.schema, `${STATISTICS_QUERY} ${quoted(contents.name)}.sqlite_stat1`),
        };
      });
      return { ...view, schema: this.engine.library.schema(known, this.#user.own, settings) };
    } finally {
      this.#see(null);
    }
  }

  /** All rows of a query of ours. @param {Schema} schema @param {string} sql @returns {unknown[][]} */
  #query(schema, sql) {
    const statement = new HostStatement(this, schema.texts.get(sql) ?? this.#prepare(schema, sql, 0, lex(sql, 0)));
    try {
      return statement.peeking().raw().all();
    } finally {
      statement.finalize();
    }
  }

  // --- other databases ---------------------------------------------------------------------------------------

  /**
   * ATTACH, also of a file in a store that has to be acquired first.
   * @param {string} name as for `open`
   * @param {string} schema
   */
  async attach(name, schema) {
    await whenPossible(() => this.prepare('ATTACH ? AS ?').run(name, schema));
  }

  // --- whole files -----------------------------------------------------------------------------------------

  /** The database as a file that SQLite opens. Errors: inside a transaction. @returns {Uint8Array<ArrayBuffer>} */
  export() {
    this.#mustBeOpen();
    if (this.inTransaction) throw new SqlError('cannot export within a transaction', SQLITE_ERROR);
    this.exec('PRAGMA main.wal_checkpoint(TRUNCATE)');
    return withoutWal(this.engine.files.contentOf(this.where.file));
  }

  /**
   * Replace the whole database by a file that can be read, or by an empty one. The old one stays as it is when this fails. Prepared
   * statements are compiled again when they are used.
   * @param {Uint8Array | ArrayBuffer | Blob} source
   * @throws {SqlError} SQLITE_NOTADB, SQLITE_CORRUPT; SQLITE_ERROR in a transaction or while others are attached; SQLITE_READONLY
   */
  async import(source) {
    this.#mustBeOpen();
    if (this.inTransaction) throw new SqlError('cannot import within a transaction', SQLITE_ERROR);
    if (this.files.length > 1) throw new SqlError('cannot import while other databases are attached', SQLITE_ERROR);
    if (this.readonly) throw new SqlError('attempt to write a readonly database', 8);
    const blob = source instanceof Blob ? source : new Blob([/** @type {BlobPart} */ (source)]);
    if (blob.size) await this.#mustBeReadable(blob);
    this.#mustBeOpen();
    await this.engine.replace(this, blob);
  }

  /** @param {Blob} blob */
  async #mustBeReadable(blob) {
    await checkHeader(blob);
    const candidate = await this.engine.openNow(blob, { compiler: this.where.options.compiler });
    try {
      await whenPossible(() => candidate.prepare('SELECT count(*) FROM sqlite_schema').get());
    } finally {
      await candidate.close();
    }
  }

  // --- the end -----------------------------------------------------------------------------------------------

  /** Roll back what is open, free everything and give the file up. Safe to call twice. */
  async close() {
    if (!this.connection) return;
    this.#user.mustBeIdle();
    this.engine.databases.delete(this);
    for (const statement of [...this.#statements]) statement.finalize();
    this.disconnect();
    await Promise.all([this.engine.files.release(this.where.file), this.engine.files.returned()]);
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }
}

/** @param {import('./schema.js').Contents} contents */
function hasStatistics({ rows }) {
  return Boolean(rows?.some(([type, name]) => type === 'table' && String(name).toLowerCase() === 'sqlite_stat1'));
}

/** @param {string} name */
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
