/** turso-wasm/host: the engine where the code runs, in a worker or in Node; databases are synchronous. */

import type {
  Authorizer,
  BackupResult,
  BatchOptions,
  BatchResult,
  BatchStatement,
  CallOptions,
  ColumnInfo,
  Migration,
  AssetOptions as PageAssetOptions,
  BackupOptions as PageBackupOptions,
  ConnectOptions as PageConnectOptions,
  TableOptions as PageTableOptions,
  TransactionFunction as PageTransactionFunction,
  Parameters,
  PlanRow,
  Row,
  RunResult,
  Snapshot,
  SqlArguments,
  SqlValue,
  StorageKind,
  TemplateValue,
  UpdateHook,
} from './index.js';

export type {
  Authorizer,
  BackupProgress,
  BackupResult,
  BatchOptions,
  BatchResult,
  BatchStatement,
  CallOptions,
  ColumnInfo,
  Integers,
  Migration,
  Parameters,
  PlanRow,
  Row,
  RunResult,
  Snapshot,
  SqlArguments,
  SqlValue,
  UpdateHook,
} from './index.js';
export { fragment, identifier, join, SqlError, SqliteError, values } from './index.js';

/** 'disk': files, in Node, where it is the default. */
export type HostStorageKind = StorageKind | 'disk';

export interface AssetOptions extends Pick<PageAssetOptions, 'assets' | 'pyodide'> {
  storage?: HostStorageKind;
}

export interface ConnectOptions
  extends AssetOptions,
    Pick<PageConnectOptions, 'readonly' | 'create' | 'integers' | 'timeout' | 'compiler' | 'key' | 'snapshot'> {}

/**
 * Open a database when the engine and the compiler are ready; all databases of one place of assets share an engine. In Node names are
 * paths of files, which other processes may use, with SQLite too; locks come by the package koffi, on Linux.
 * Errors: SqliteError SQLITE_BUSY, SQLITE_CANTOPEN, also where files cannot be locked; Error when Pyodide or the assets cannot be loaded; TypeError.
 */
export function connect(name: string | Blob, options?: ConnectOptions): Promise<Database>;
/** The names of the databases; in Node the files of the current folder. */
export function list(options?: AssetOptions): Promise<string[]>;
/** Delete a database that is not open anywhere, if it exists. Errors: SqliteError SQLITE_BUSY. */
export function remove(name: string, options?: AssetOptions): Promise<void>;

type TransactionFunction<A extends unknown[], R> = ((...args: A) => R) & {
  [Mode in Exclude<keyof PageTransactionFunction<A, R>, symbol>]: (...args: A) => R;
};

export interface AggregateOptions<T> extends CallOptions {
  start?: T | (() => T);
  step: (total: T, ...values: SqlArguments) => T | undefined;
  inverse?: (total: T, ...values: SqlArguments) => T | undefined;
  result?: (total: T) => unknown;
}

export interface TableOptions extends Omit<PageTableOptions, 'rows'> {
  rows: (...values: SqlArguments) => Iterable<unknown[] | Record<string, unknown>>;
}

export interface BackupOptions extends Omit<PageBackupOptions, 'storage'> {
  storage?: HostStorageKind;
}

/** What an authorizer is asked about (SQLITE_READ, …), and its answers: SQLITE_OK, SQLITE_DENY, SQLITE_IGNORE. */
export const constants: Readonly<Record<`SQLITE_${string}`, number>>;

/** What the page's `Database` does, at once; code of the user's is called where it is. */
export class Database implements AsyncDisposable {
  private constructor();
  readonly name: string;
  readonly open: boolean;
  readonly readonly: boolean;
  readonly memory: boolean;
  readonly inTransaction: boolean;
  /** Rows changed by the last statement that changes any. */
  readonly changes: number;
  readonly totalChanges: number;
  /** Encrypt the database with another key from now on; null: with none. */
  rekey(key: string | Uint8Array | null): this;
  prepare<T = Row>(sql: string): Statement<T>;
  /** A statement with its parameters bound. */
  sql<T = Row>(strings: TemplateStringsArray, ...values: TemplateValue[]): Statement<T>;
  exec(sql: string): this;
  run(sql: string, ...args: Parameters): RunResult;
  get<T = Row>(sql: string, ...args: Parameters): T | undefined;
  all<T = Row>(sql: string, ...args: Parameters): T[];
  iterate<T = Row>(sql: string, ...args: Parameters): Generator<T, void>;
  batch<T = Row>(statements: readonly BatchStatement[], options?: BatchOptions): BatchResult<T>[];
  explain(sql: string): PlanRow[];
  migrate(migrations: readonly Migration[]): string[];
  pragma(text: string, options?: { simple?: false }): Row[];
  pragma(text: string, options: { simple: true }): SqlValue | undefined;
  /** Statements prepared from now on give integers as BigInt; false: as numbers. */
  defaultSafeIntegers(on?: boolean): this;
  /** A function that runs `fn` in a transaction, in a savepoint inside another one; rolled back when `fn` throws. */
  transaction<A extends unknown[], R>(fn: (...args: A) => R): TransactionFunction<A, R>;
  function(name: string, code: (...values: SqlArguments) => unknown): this;
  function(name: string, options: CallOptions, code: (...values: SqlArguments) => unknown): this;
  aggregate<T = unknown>(name: string, options: AggregateOptions<T>): this;
  table(name: string, options: TableOptions): this;
  collation(name: string, compare: (a: string, b: string) => number): this;
  tokenizer(
    name: string,
    tokenize: (text: string, ...settings: string[]) => Iterable<[start: number, end: number, ...tokens: string[]]>,
  ): this;
  /** SQL can no longer call what has this name. */
  remove(kind: 'function' | 'aggregate' | 'table' | 'collation' | 'tokenizer', name: string): this;
  /** Have `code` called when a row of a table with rowids has changed; null: nothing. As SQLite's sqlite3_update_hook. */
  hook(kind: 'update', code: UpdateHook | null): this;
  /** … before each commit: a true value, or what it throws, makes it a rollback. */
  hook(kind: 'commit', code: (() => unknown) | null): this;
  /** … after a rollback. */
  hook(kind: 'rollback', code: (() => void) | null): this;
  /** … while statements are compiled, about all they would do: an answer and questions of `constants`. */
  hook(kind: 'authorizer', code: Authorizer | null): this;
  /** … every so many steps of a statement (1000): a true value ends it with SQLITE_INTERRUPT. */
  hook(kind: 'progress', code: (() => unknown) | null, options?: { every?: number }): this;
  /** ATTACH of a database in a store, which has to be acquired first. */
  attach(name: string, schema: string): Promise<void>;
  /** The database as a file that SQLite opens. */
  export(): Uint8Array<ArrayBuffer>;
  /** attached: another of the connection's databases, by its name in SQL. */
  serialize(options?: { attached?: string }): Uint8Array<ArrayBuffer>;
  import(source: Uint8Array | ArrayBuffer | Blob): Promise<void>;
  deserialize(bytes: Uint8Array | ArrayBuffer): Promise<void>;
  /** Put a copy, as of now, in the place of the database of that name. */
  backup(name: string, options?: BackupOptions): Promise<BackupResult>;
  /** Keep the database as it is now, under a name; `connect(name, { snapshot })` reads it. Of databases in OPFS, IndexedDB and memory. */
  snapshot(name: string): Promise<Snapshot>;
  /** The oldest first. */
  snapshots(): Promise<Snapshot[]>;
  /** Make the database what it was, in one transaction. */
  restore(snapshot: string): Promise<this>;
  dropSnapshot(name: string): Promise<this>;
  /** A database of its own, in memory, that begins as this one is now. */
  fork(): Promise<Database>;
  interrupt(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export class Statement<T = Row> implements Disposable {
  private constructor();
  readonly source: string;
  readonly database: Database;
  /** Whether it returns rows. */
  readonly reader: boolean;
  /** Whether it changes nothing. */
  readonly readonly: boolean;
  readonly busy: boolean;
  /** The names of the parameters, with their prefix; null for plain ?. */
  readonly parameters: (string | null)[];
  columns(): ColumnInfo[];
  raw(on?: boolean): Statement<SqlValue[]>;
  pluck(on?: boolean): Statement<SqlValue>;
  expand(on?: boolean): Statement<Record<string, Row>>;
  safeIntegers(on?: boolean): this;
  bind(...args: Parameters): this;
  run(...args: Parameters): RunResult;
  get(...args: Parameters): T | undefined;
  all(...args: Parameters): T[];
  iterate(...args: Parameters): Generator<T, void>;
  finalize(): void;
  toString(): string;
  [Symbol.dispose](): void;
}
