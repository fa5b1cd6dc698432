/** turso-wasm/host: the engine where the code runs, in a worker or in Node; databases are synchronous. */

import type {
  CallOptions,
  ColumnInfo,
  Integers,
  ConnectOptions as PageConnectOptions,
  TableOptions as PageTableOptions,
  TransactionFunction as PageTransactionFunction,
  Parameters,
  Row,
  RunResult,
  SqlArguments,
  SqlValue,
} from './index.js';

export { SqlError } from './index.js';
export type { CallOptions, ColumnInfo, Integers, Parameters, Row, RunResult, SqlArguments, SqlValue };

export interface ConnectOptions
  extends Pick<
    PageConnectOptions,
    'assets' | 'pyodide' | 'storage' | 'readonly' | 'create' | 'integers' | 'timeout' | 'compiler'
  > {}

/**
 * Open a database when the engine and the compiler are ready; all databases of one place of assets share an engine. In Node named
 * databases lie in memory, with `storage: 'memory'`.
 * Errors: SqlError SQLITE_BUSY, SQLITE_CANTOPEN; Error when Pyodide or the assets cannot be loaded.
 */
export function connect(name: string | Blob, options?: ConnectOptions): Promise<Database>;

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

/** What the page's `Database` does, at once; code of the user's is called where it is. */
export class Database implements AsyncDisposable {
  private constructor();
  readonly name: string;
  readonly open: boolean;
  readonly readonly: boolean;
  readonly inTransaction: boolean;
  readonly totalChanges: number;
  prepare<T = Row>(sql: string): Statement<T>;
  exec(sql: string): this;
  pragma(text: string, options?: { simple?: false }): Row[];
  pragma(text: string, options: { simple: true }): SqlValue | undefined;
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
  /** ATTACH of a database in a store, which has to be acquired first. */
  attach(name: string, schema: string): Promise<void>;
  export(): Uint8Array<ArrayBuffer>;
  import(source: Uint8Array | ArrayBuffer | Blob): Promise<void>;
  interrupt(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export class Statement<T = Row> implements Disposable {
  private constructor();
  readonly source: string;
  /** Whether it returns rows. */
  readonly reader: boolean;
  /** Whether it changes nothing. */
  readonly readonly: boolean;
  readonly busy: boolean;
  columns(): ColumnInfo[];
  raw(on?: boolean): Statement<SqlValue[]>;
  pluck(on?: boolean): Statement<SqlValue>;
  safeIntegers(on?: boolean): this;
  run(...args: Parameters): RunResult;
  get(...args: Parameters): T | undefined;
  all(...args: Parameters): T[];
  iterate(...args: Parameters): Generator<T, void>;
  finalize(): void;
  [Symbol.dispose](): void;
}
