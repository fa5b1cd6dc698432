/** turso-wasm: a SQLite-compatible database in the browser. The methods are better-sqlite3's, asynchronous. */

import type { Change, Changes, ChangesOptions, Live, LiveOptions } from './types/changes.js';
import type {
  AggregateOptions,
  Authorizer,
  CallOptions,
  Code,
  SqlArguments,
  TableOptions,
  UpdateHook,
} from './types/code.js';
import type { AssetOptions, ConnectOptions, StorageKind } from './types/options.js';
import type {
  BackupOptions,
  BackupResult,
  BatchOptions,
  BatchResult,
  BatchStatement,
  ColumnInfo,
  Description,
  Migration,
  PlanRow,
  RunResult,
  ScriptResult,
  Snapshot,
  Status,
  TransactionFunction,
  TransferOptions,
} from './types/results.js';
import type { Fragment, Parameters, Row, SqlArgument, SqlParameter, SqlValue, TemplateValue } from './types/values.js';

export type * from './types/changes.js';
export type * from './types/code.js';
export type * from './types/options.js';
export type * from './types/results.js';
export type * from './types/values.js';

/**
 * Open a database: a named one (see `storage`), a private one in memory (":memory:"), or one that is read where it is and, without `overlay`,
 * never written (docs/files.md): a Blob, a File of the user's for example; the handle of a file from a picker; an http or https URL, of
 * which the server sends the parts that are wanted. These belong to the connection that opened them.
 * Tabs and workers of an origin share named databases: one owns the file, the others are served through it, and when it ends another
 * takes over. What the owner was asked and had not answered is asked again if it only reads. Otherwise it fails: with SQLITE_IOERR when it
 * may or may not have been committed; with SQLITE_ABORT_ROLLBACK in a transaction, which is lost, until that is ended; with SQLITE_ABORT
 * for the rest of the rows of `iterate`. Functions and settings stay; temporary tables and the like are lost.
 * Errors: SqliteError SQLITE_BUSY when the tab that owns it does not answer, SQLITE_CANTOPEN, SQLITE_PERM when the user does not let the page
 * read a file, SQLITE_IOERR when the worker fails; Error when
 * Pyodide or the assets cannot be loaded (the next `connect` starts afresh); TypeError. Everything else that is pending or called when the
 * worker ends fails with SQLITE_IOERR.
 */
export function connect(
  database: string | URL | Blob | FileSystemFileHandle,
  options?: ConnectOptions,
): Promise<Database>;

/**
 * Marks SQL in a module: the text between the backticks. The Vite plugin (turso-wasm/vite) compiles what is marked when the application is
 * built. Errors: TypeError for `${…}`; parameters of a statement are `?` or `:name`.
 */
export function sql(text: TemplateStringsArray): string;

/** The names of the databases. Errors: SqliteError SQLITE_CANTOPEN when there is no such storage. */
export function list(options?: AssetOptions): Promise<string[]>;

/**
 * Delete a database that is not open anywhere, if it exists; of a URL what was fetched is forgotten. Errors: SqliteError SQLITE_BUSY.
 */
export function remove(name: string, options?: AssetOptions): Promise<void>;

/** A part of a statement. */
export function fragment(strings: TemplateStringsArray, ...values: TemplateValue[]): Fragment;

/** A name, quoted: of a table, a column; with several parts, `"main"."users"`. Errors: TypeError. */
export function identifier(...parts: string[]): Fragment;

/** Parameters with commas between them, for `VALUES (…)`. Errors: TypeError. */
export function values(given: readonly SqlArgument[]): Fragment;

/** Fragments, with SQL between them. Default: a comma. Errors: TypeError. */
export function join(fragments: readonly Fragment[], separator?: string): Fragment;

export interface Handle {
  /** A statement, compiled when it is first used. */
  prepare<T = Row>(sql: string): Statement<T>;
  /** Run all statements of a text, dropping rows. */
  exec(sql: string, options?: { signal?: AbortSignal | null }): Promise<this>;
  /**
   * A statement with its parameters bound: what stands in `${…}` is never a part of the text, unless it is a `fragment`, an `identifier`,
   * `values` or a `join` of these.
   */
  sql<T = Row>(strings: TemplateStringsArray, ...values: TemplateValue[]): Statement<T>;
  /** prepare(sql).run(...), and get, all, iterate. */
  run(sql: string, ...args: Parameters): Promise<RunResult>;
  get<T = Row>(sql: string, ...args: Parameters): Promise<T | undefined>;
  all<T = Row>(sql: string, ...args: Parameters): Promise<T[]>;
  iterate<T = Row>(sql: string, ...args: Parameters): AsyncGenerator<T, void>;
  /** Statements in a transaction, with one message; what each gave. Rolled back when one fails. In a transaction: in a savepoint. */
  batch<T = Row>(
    statements: readonly BatchStatement[],
    options?: BatchOptions & { signal?: AbortSignal | null },
  ): Promise<BatchResult<T>[]>;
  /** How a statement would be run: EXPLAIN QUERY PLAN. */
  explain(sql: string): Promise<PlanRow[]>;
  /**
   * Run the migrations that the database has not run yet, in one transaction; their names. Which have run it keeps in the table
   * `_migrations`. Tabs may do so at the same time. Errors: SqliteError SQLITE_MISMATCH when those that have run are not the beginning of
   * the list, or were changed; what a script fails with, with the migration's name.
   */
  migrate(migrations: readonly Migration[]): Promise<string[]>;
  /** The same, for requests that are given up when the signal aborts: they reject with its reason, and what they wrote is undone. */
  signal(signal: AbortSignal | null): Handle;
  /** Rows of a PRAGMA, or its first value. */
  pragma(text: string, options?: { simple?: false }): Promise<Row[]>;
  pragma(text: string, options: { simple: true }): Promise<SqlValue | undefined>;
  /**
   * A function that runs `fn` in a transaction: committed when it resolves, rolled back when it rejects. `tx` makes the statements
   * inside; whatever else uses the database, statements prepared on it too, waits until it is over. So inside, use `tx` only: what would
   * wait for its own transaction fails with SQLITE_MISUSE, or, where that cannot be seen, with SQLITE_BUSY when the transaction has done
   * nothing for `timeout` milliseconds. In a transaction, `tx.transaction` makes savepoints.
   */
  transaction<A extends unknown[], R>(fn: (tx: Transaction, ...args: A) => R | Promise<R>): TransactionFunction<A, R>;
}

export interface Transaction extends Handle {
  signal(signal: AbortSignal | null): Transaction;
}

export interface Database extends Handle, AsyncDisposable {
  readonly name: string;
  /** Where it lies: what was chosen if `connect` was told nothing. */
  readonly storage: StorageKind | 'file' | 'url';
  readonly open: boolean;
  readonly readonly: boolean;
  /** Whether it lies in memory. */
  readonly memory: boolean;
  /** As of the last answer: whether a transaction is open. */
  readonly inTransaction: boolean;
  /** As of the last answer: rows changed by all statements of this connection. (What one has changed, `run` says.) */
  readonly totalChanges: number;
  /** Statements prepared from now on give integers as BigInt; false: as numbers. */
  defaultSafeIntegers(on?: boolean): this;
  /** Run a script; the results of each statement up to the first that fails. */
  script(
    sql: string,
    options?: { limit?: number; signal?: AbortSignal | null },
  ): Promise<{ results: ScriptResult[]; error?: SqliteError | Error }>;
  status(): Promise<Status>;
  /**
   * Have `listener` called after each commit on the database, from whatever tab, this connection's own included, once it is durable.
   * What is returned ends it.
   */
  onChange(listener: (change: Change) => void): Promise<() => Promise<void>>;
  /**
   * The rows of a query, and what becomes of them when somebody, in whatever tab, commits. It runs again when it is asked for the next
   * patch and a table it reads may have changed, so who is slow gets one patch for all that happened. An error ends it; so does `close`,
   * without one.
   */
  live<T = Row>(sql: string, params?: SqlParameter[] | Record<string, SqlParameter>, options?: LiveOptions): Live<T>;
  /**
   * Captured changes (PRAGMA capture_data_changes_conn; docs/change-capture.md) behind number `since`, and then those that are committed,
   * in whatever tab. It throws if `since` is no change yet, or those behind it are not kept any more; otherwise it ends as `live` does.
   */
  changes(options?: ChangesOptions): Changes;
  /** The database as a file that SQLite opens, in memory. */
  export(): Promise<Uint8Array<ArrayBuffer>>;
  /** `export` under the name that others have for it. */
  serialize(): Promise<Uint8Array<ArrayBuffer>>;
  /** `import` of bytes. */
  deserialize(bytes: ArrayBuffer | ArrayBufferView): Promise<void>;
  /**
   * Put a copy, as of now, in the place of the database of that name. With `progress` it is made in steps, between which others are served.
   * Errors: SqliteError SQLITE_BUSY when that is open somewhere, SQLITE_ERROR in a transaction.
   */
  backup(name: string, options?: BackupOptions & { signal?: AbortSignal | null }): Promise<BackupResult>;
  /**
   * Keep the database as it is now, under a name, until it is dropped. That takes about a millisecond, whatever its size: what is written later
   * keeps what was there before. `connect(name, { snapshot })` reads it. In OPFS and IndexedDB a snapshot lasts, and all tabs have it.
   * Errors: SqliteError SQLITE_ERROR in a transaction, when there is one of that name, and where there are none (Blobs, URLs); SQLITE_BUSY
   * while another connection writes, or reads what was before.
   */
  snapshot(name: string): Promise<Snapshot>;
  /** The oldest first. */
  snapshots(): Promise<Snapshot[]>;
  /**
   * Make the database what it was, in one transaction, whoever else has it open. The snapshot stays.
   * Errors: SqliteError SQLITE_ERROR in a transaction, when there is none of that name, and when pages have another size or key since; SQLITE_BUSY.
   */
  restore(snapshot: string): Promise<this>;
  /** Forget a snapshot. Who has it open keeps it until it is closed. Errors: SqliteError SQLITE_ERROR when there is none of that name. */
  dropSnapshot(name: string): Promise<this>;
  /**
   * A database of its own, in memory, that begins as this one is now, and is gone when it is closed. One in OPFS or IndexedDB is not copied: its
   * fork reads what it was, and keeps what it changes itself. It is lost when another tab takes the file over. Code of the user's
   * (`function` and the like) is not taken along.
   * Errors: SqliteError SQLITE_ERROR in a transaction, SQLITE_BUSY as for `snapshot`.
   */
  fork(): Promise<Database>;
  /**
   * The whole database into a stream, or in the place of a file, part by part, at constant memory (an encrypted database at once): the database as it is at the beginning, while other
   * requests go on (of a private database, or one with an overlay, they wait). The stream is closed, or, when this fails, aborted; a file
   * then stays as it was. Errors: SqliteError SQLITE_ERROR in a transaction, SQLITE_PERM when the user does not let the page write the file,
   * SQLITE_CANTOPEN; what the stream or the signal fail with.
   */
  exportTo(target: WritableStream<Uint8Array> | FileSystemFileHandle, options?: TransferOptions): Promise<void>;
  /**
   * Write a file that was opened by its handle, with an overlay, in place; the overlay is empty then. Other requests wait. The file stays
   * as it was when this fails. Errors: those of `exportTo`; TypeError when there is no handle; SqliteError SQLITE_READONLY without an overlay,
   * SQLITE_ERROR with a log (`wal`), which would be taken for the new file's.
   */
  save(options?: TransferOptions): Promise<void>;
  /**
   * Replace the whole database by a SQLite file, or, with no bytes, by an empty database. The file is taken in part by part; other requests
   * go on until all of it is there. The old one stays when this fails.
   * Errors: SqliteError SQLITE_NOTADB or SQLITE_CORRUPT for what could not be read afterwards, SQLITE_BUSY when another connection has the
   * database open; TypeError for what cannot be fetched; what the signal says.
   */
  import(
    source: Blob | ArrayBuffer | ArrayBufferView | Response | ReadableStream | string | URL,
    options?: TransferOptions,
  ): Promise<void>;
  /**
   * Put the database into another storage, under its name, and remove it where it was; statements, functions and settings stay. Nobody
   * else may have it open. The old one stays when this fails. Errors: SqliteError SQLITE_BUSY, SQLITE_ERROR in a transaction and when there
   * is a database of that name.
   */
  moveTo(storage: 'opfs' | 'indexeddb'): Promise<this>;
  /**
   * Encrypt the database with another key from now on, in one transaction; null: with none. Other tabs that have it open go on, but need
   * the new key when they connect again. Errors: SqlError SQLITE_BUSY while others use it, SQLITE_ERROR in a transaction.
   */
  rekey(key: string | Uint8Array | null): Promise<this>;
  /**
   * Let SQL call a function, on this connection: others, of this page too, have their own. It is given numbers, strings, Uint8Arrays and null, and returns what can be bound; what
   * it throws rejects the statement, with its stack. It replaces a function of the same name and number of arguments. null: remove all of
   * that name. Errors: TypeError for code that cannot be sent, or is none; SqliteError SQLITE_BUSY while a statement runs that may call it.
   */
  function(name: string, code: Code<(...values: SqlArguments) => unknown> | null): Promise<this>;
  function(name: string, options: CallOptions, code: Code<(...values: SqlArguments) => unknown>): Promise<this>;
  /**
   * Let SQL call a function in Python: the one of that name that the source text defines, or its last. It waits for Python. A function in
   * typed Python is compiled into the statements that call it, and counts as deterministic; any other is called in Pyodide.
   * Errors: SqliteError for a text that cannot be run, defines no function, or (compiled: true) is not in typed Python.
   */
  function(name: string, code: { python: string }): Promise<this>;
  function(
    name: string,
    options: { deterministic?: boolean; directOnly?: boolean; compiled?: boolean },
    code: { python: string },
  ): Promise<this>;
  /** Let SQL call an aggregate. A module exports an object of `start`, `step`, `inverse` and `result`. */
  aggregate<T = unknown>(name: string, options: AggregateOptions<T> | null): Promise<this>;
  aggregate(name: string, options: CallOptions & { module: string | URL; export?: string }): Promise<this>;
  /** Let SQL call a function in FROM: `SELECT * FROM name(1, 2)`. A module exports such an object, or the generator. */
  table(name: string, options: TableOptions | null): Promise<this>;
  table(name: string, options: Partial<TableOptions> & { module: string | URL; export?: string }): Promise<this>;
  /** Let SQL order texts: negative, 0 or positive for two of them. */
  collation(name: string, compare: Code<(a: string, b: string) => number> | null): Promise<this>;
  /**
   * Let full-text tables cut their texts: `tokenize='name setting …'`. The code is given a text and the settings, and gives tokens in
   * order: [start, end], places in the text, or [start, end, token, synonym, …].
   */
  tokenizer(
    name: string,
    tokenize: Code<
      (text: string, ...settings: string[]) => Iterable<[start: number, end: number, ...tokens: string[]]>
    > | null,
  ): Promise<this>;
  /** Have `code` called in this page when a statement of this connection has changed a row, soon after it has; null: nothing. As SQLite's sqlite3_update_hook. */
  hook(kind: 'update', code: UpdateHook | null): Promise<this>;
  /** … after a rollback. */
  hook(kind: 'rollback', code: (() => void) | null): Promise<this>;
  /** Have the worker call `code` before each commit: a true value, or what it throws, makes it a rollback (SQLITE_CONSTRAINT_COMMITHOOK). */
  hook(kind: 'commit', code: Code<() => unknown> | null): Promise<this>;
  /** … while statements are compiled, about all they would do. */
  hook(kind: 'authorizer', code: Code<Authorizer> | null): Promise<this>;
  /** … every so many steps of a statement (1000): a true value ends it with SQLITE_INTERRUPT. */
  hook(kind: 'progress', code: Code<() => unknown> | null, options?: { every?: number }): Promise<this>;
  /** Make everything that is running fail with SQLITE_INTERRUPT. */
  interrupt(): void;
  /**
   * Give the database up. Reads that still run fail with SQLITE_INTERRUPT, an open transaction is rolled back; writes that were sent
   * before have half a second to end.
   */
  close(): Promise<void>;
}

export interface Statement<T = Row> extends Disposable {
  readonly source: string;
  /** What it was prepared on: the database, or a transaction. */
  readonly database: Handle;
  /** Whether it returns rows; it is compiled to know. */
  readonly reader: Promise<boolean>;
  /** Whether it changes nothing; it is compiled to know. */
  readonly readonly: Promise<boolean>;
  /** Whether a run is under way. */
  readonly busy: boolean;
  /** Bind parameters for good, once. */
  bind(...args: Parameters): this;
  /** Rows as arrays. */
  raw(on?: boolean): Statement<SqlValue[]>;
  /** Only the first column of each row. */
  pluck(on?: boolean): Statement<SqlValue>;
  /** Objects of objects: `{users: {…}, pets: {…}}`; "$" has the columns that are expressions. */
  expand(on?: boolean): Statement<Record<string, Row>>;
  /** Integers as BigInt, that of `lastInsertRowid` too; false: as numbers, and a RangeError beyond 2^53. */
  safeIntegers(on?: boolean): this;
  /** Give runs up when the signal aborts; they reject with its reason, and what they wrote is undone. */
  signal(signal: AbortSignal | null): this;
  run(...args: Parameters): Promise<RunResult>;
  get(...args: Parameters): Promise<T | undefined>;
  all(...args: Parameters): Promise<T[]>;
  /** Rows one by one, fetched in batches as they are read; those before an error come first. Leaving the loop early ends the run. */
  iterate(...args: Parameters): AsyncGenerator<T, void>;
  columns(): Promise<ColumnInfo[]>;
  describe(): Promise<Description>;
  finalize(): void;
  /** Its source. */
  toString(): string;
}

export class SqliteError extends Error {
  name: 'SqliteError';
  /** "SQLITE_CONSTRAINT_UNIQUE" */
  code: string;
  errcode: number;
  /** Offset in the SQL text in UTF-16 units, -1 when unknown. */
  offset: number;
  /** The statement, or script, that failed. */
  sql?: string;
}

/** Its name before 0.2. */
export { SqliteError as SqlError };
