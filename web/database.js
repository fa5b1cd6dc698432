/** An open database where the kernel is: its connection, its statements, the user's code. (Its file as a whole: whole_file.js.) */

import { N_SLOTS, OPEN_CREATE, OPEN_MEMORY, OPEN_READONLY, TEMP_SLOT } from '../base/abi.js';
import { aboutSql, misuse, SQLITE_BUSY, SQLITE_MISUSE, SqlError } from '../base/errors.js';
import { Connection } from './connection.js';
import { UPDATE_HOOK, updateFunction } from './hooks.js';
import { FORMATS, isKey, keyText } from './keys.js';
import { hasMore } from './lexer.js';
import { BOOLEAN, check, checkSql } from './page/check.js';
import { Past } from './past.js';
import { Preparer } from './preparer.js';
import { describePython } from './python_function.js';
import { HostStatement } from './statement.js';
import { statementRows } from './statements.js';
import {
  describeAggregate,
  describeCollation,
  describeFunction,
  describeTable,
  describeTokenizer,
  UserCode,
} from './usercode.js';
import { whenPossible } from './waiting.js';

/** As better-sqlite3's. */
const BUSY_TIMEOUT_MS = 5000;

/**
 * @typedef {object} Where
 * @property {string} name as it was asked for
 * @property {string} file the kernel's path
 * @property {boolean} inMemory
 * @property {import('./engine.js').OpenOptions} options
 * @typedef {import('./schema.js').Prepared} Prepared
 */

export class HostDatabase extends Past {
  /** @type {Set<HostStatement>} */ #statements = new Set();
  /** @type {Connection | null} */ #connection = null;
  #user = new UserCode();
  #preparer = new Preparer(this, this.#user);
  #busyTimeout;

  /**
   * Made by Engine.open.
   * @param {import('./engine.js').Engine} engine
   * @param {Where} where
   */
  constructor(engine, where) {
    if (!where?.options) throw new TypeError('databases are opened by connect(): await connect(name, options)');
    super(engine, where);
    this.kernel = engine.kernel;
    this.memory = where.inMemory || engine.stores.kindOf(where.file) === 'memory';
    /** @type {import('./rows.js').Integers} */
    this.integers = where.options.integers ?? 'auto';
    /** Of an encrypted database that is made: PRAGMA cipher says that it is Turso's. */
    this.keyFormat = FORMATS.ours;
    /** Whether it has, or had, to do with an encrypted database: what its statements say is nobody's. */
    this.isKeyed = false;
    this.#busyTimeout = where.options.timeout ?? BUSY_TIMEOUT_MS;
    this.#user.statements = statementRows(this.#statements);
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
    this.#connection = new Connection(kernel, where.file, flags, this.#busyTimeout);
    if (where.options.key) this.giveKey(0, keyText(where.options.key));
    this.#connection.asksBeforeCommit(this.hooks.commit !== null);
    this.#calls.connections.set(this.#connection.address, this.#user);
  }

  /** The key of a database that was not used yet, as the kernel takes it. @param {number} slot @param {string} key @throws {SqlError} */
  giveKey(slot, key) {
    if (slot === 0) this.encrypted = key !== '';
    this.isKeyed ||= key !== '';
    this.connection.giveKey(slot, key, this.keyFormat);
    this.#preparer.visible.forget();
  }

  /** Encrypt the database with another key from now on, in one transaction; null: with none. @param {string | Uint8Array | null} key */
  rekey(key) {
    if (key !== null && !isKey(key)) throw new TypeError('rekey() takes a passphrase, 32 bytes or null');
    const quoted = keyText(key).replaceAll("'", "''");
    this.prepare(`PRAGMA main.rekey = '${quoted}'`).run();
    this.where.options = { ...this.where.options, key: key ?? undefined };
    this.encrypted = Boolean(key);
    return this;
  }

  /** Let everything of the kernel's go; what was prepared is compiled again after `connect`. */
  disconnect() {
    for (const statement of [...this.#statements]) statement.abandon();
    this.#preparer.visible.forget();
    const { connection } = this;
    this.#busyTimeout = connection.busyTimeout;
    this.#connection = null;
    connection.free();
    this.#calls.connections.delete(connection.address);
  }

  /** The files in stores that it has open: of the main database, and of attached ones. @override */
  get files() {
    const files = new Set([this.where.file]);
    for (let slot = TEMP_SLOT + 1; this.open && slot < N_SLOTS; slot++) {
      const file = this.connection.fileOf(slot);
      if (file) files.add(file);
    }
    return [...files];
  }

  /** The files by slot, as PRAGMA database_list shows them. */
  get paths() {
    return Array.from({ length: N_SLOTS }, (_, slot) => {
      const file = this.connection.fileOf(slot);
      return file === null ? null : this.engine.stores.shown(file);
    });
  }

  /** Whether it can be used. */
  get open() {
    return this.#connection !== null;
  }

  /** Whether nothing is under way: no statement, no transaction. */
  get isIdle() {
    return this.open && !this.inTransaction && ![...this.#statements].some((statement) => statement.busy);
  }

  /** Its connection in the kernel. @throws {SqlError} SQLITE_MISUSE: it is closed @override */
  get connection() {
    if (!this.#connection) throw misuse('the database is closed');
    return this.#connection;
  }

  #mustBeOpen() {
    void this.connection;
  }

  /** Whether a transaction is open (BEGIN without COMMIT). @override */
  get inTransaction() {
    return this.#connection?.inTransaction ?? false;
  }

  /** PRAGMA busy_timeout: how long who drives a statement may wait for another connection's lock, in milliseconds. */
  get busyTimeout() {
    return this.connection.busyTimeout;
  }

  /** What answers tell of it (protocol.js). */
  get state() {
    if (!this.#connection) return {};
    const { changes, totalChanges, inTransaction } = this.#connection;
    return { changes, totalChanges, inTransaction: inTransaction || undefined };
  }

  /** Rows that the last statement that changes any has changed. */
  get changes() {
    return this.connection.changes;
  }

  /** Rows changed since the database was opened. */
  get totalChanges() {
    return this.connection.totalChanges;
  }

  /** Make a running statement stop with SQLITE_INTERRUPT; to be called between its time slices. */
  interrupt() {
    this.#connection?.interrupt();
  }

  // --- statements ------------------------------------------------------------------------------------

  /** Compile one statement. Errors: SqlError; more than one statement, or none. @override @param {string} sql */
  prepare(sql) {
    checkSql(sql);
    const prepared = this.prepareText(sql, 0);
    if (!prepared) throw aboutSql(misuse('the SQL text contains no statement'), sql);
    if (hasMore(sql, prepared.end)) {
      const message = 'the SQL text contains more than one statement: use exec()';
      throw aboutSql(new SqlError(message, SQLITE_MISUSE, prepared.end), sql);
    }
    return new HostStatement(this, prepared);
  }

  /** Statements prepared from now on give integers as BigInt; false: as numbers (rows.js). @param {boolean} [on] */
  defaultSafeIntegers(on = true) {
    check('defaultSafeIntegers()', on, BOOLEAN);
    this.integers = on ? 'bigint' : 'number';
    return this;
  }

  /** Run all statements of a text, dropping rows. @override @param {string} sql */
  exec(sql) {
    checkSql(sql);
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
   * Let SQL call a function in Python. In typed Python (docs/typed-python.md) it is compiled into the statements that call it.
   * @param {string} name
   * @param {import('./python_function.js').PythonOptions} options compiled: true: it must be, false: it must not
   * @param {string} source defines it, as the function of that name or as its last
   */
  async pythonFunction(name, options, source) {
    await this.engine.ready;
    this.#mustBeOpen();
    const [entries, code] = describePython(this.engine.compiler, name, options, source);
    for (const own of entries) this.#register(own, code);
    return this;
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

  /** What it calls while statements are prepared and run. */
  get hooks() {
    return this.#user.hooks;
  }

  /**
   * Have `code` called at certain times, in place of what was before (hooks.js); null: nothing.
   * @param {'update' | 'commit' | 'rollback' | 'authorizer' | 'progress'} kind @param {((...told: any[]) => any) | null} code
   * @param {{every?: number}} [options] every: of progress, steps between calls (1000)
   */
  hook(kind, code, options) {
    this.#mustBeOpen();
    this.hooks.put(kind, code, options);
    this.connection.takeRollbacks(); // those before are no news
    if (kind === 'commit') this.connection.asksBeforeCommit(code !== null);
    if (kind === 'progress' && code) this.engine.setYields(true);
    if (kind === 'update') this.#hear(code);
    if (kind === 'authorizer') for (const one of this.#statements) if (!one.busy) one.abandon(); // they are asked about again
    return this;
  }

  /** Programs that run call what is registered now, and then do without. @param {((...told: any[]) => any) | null} code */
  #hear(code) {
    this.#user.put(...updateFunction(code ?? (() => undefined)));
    if (!code && this.isIdle) this.#user.remove('function', UPDATE_HOOK);
    this.#preparer.visible.forget();
  }

  /** SQL can no longer call what has this name, whatever its number of arguments. @param {import('./usercode.js').Own[0]} kind @param {string} name */
  remove(kind, name) {
    this.#mustBeOpen();
    this.#mustBeIdle(kind);
    this.#user.remove(kind, name);
    for (const statement of [...this.#statements]) statement.abandon(); // they may call it
    this.#preparer.visible.forget();
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
    this.#preparer.visible.forget();
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
    try {
      return this.#preparer.prepare(sql, start);
    } catch (error) {
      throw aboutSql(error, sql);
    }
  }

  /** The same text against the schema of now. @param {Prepared} prepared @returns {Prepared} */
  prepareAgain(prepared) {
    return this.#preparer.prepareAgain(prepared);
  }

  /** The view that is current for statements of this schema; null: theirs is another one. @param {import('./schema.js').Schema} schema */
  viewOf(schema) {
    return this.#preparer.visible.viewOf(schema);
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

  // --- the end -----------------------------------------------------------------------------------------------

  /** Roll back what is open, free everything and give the file up. Safe to call twice. */
  async close() {
    if (!this.open) return;
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
