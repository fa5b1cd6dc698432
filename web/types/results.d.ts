/** What methods take and give: of statements, batches, scripts, whole databases. */

import type { StorageKind } from './options.js';
import type { Row, SqlArgument, SqlNames, SqlValue } from './values.js';

export interface RunResult {
  changes: number;
  lastInsertRowid: number | bigint;
}

export interface ColumnInfo {
  name: string;
  /** Declared type of the table's column, null for expressions. */
  type: string | null;
  table: string | null;
  column: string | null;
}

export interface Description {
  columns: ColumnInfo[];
  /** Whether it returns rows. */
  reader: boolean;
  /** Whether it changes nothing. */
  readonly: boolean;
  /** With their prefix, ":name"; null for plain ?. */
  parameters: (string | null)[];
  /** The tables it reads, if it changes nothing; those behind views, and shadow tables of virtual ones, too. */
  reads: string[];
}

export interface ScriptResult {
  /** Offsets of the statement in the script, in UTF-16 units. */
  start: number;
  end: number;
  kind: string;
  /** Empty when it returns no rows. */
  columns: string[];
  /** The first `limit`. */
  rows: SqlValue[][];
  rowCount: number;
  truncated: boolean;
  changes: number;
  lastInsertRowid: number | bigint;
  milliseconds: number;
  compileMilliseconds: number;
}

/** A statement of a batch. */
export type BatchStatement =
  | string
  | readonly [sql: string, ...args: SqlArgument[]]
  | { sql: string; args?: readonly SqlArgument[] | SqlNames };

export interface BatchOptions {
  /** What the transaction begins with. Default: 'deferred'. */
  mode?: 'deferred' | 'immediate' | 'exclusive' | 'concurrent';
}

export interface BatchResult<T = Row> extends RunResult {
  /** Empty for a statement that returns none. */
  rows: T[];
}

export interface Migration {
  /** Is unique, and stays. */
  name: string;
  /** A script, which does not end its transaction. */
  sql: string;
}

/** A row of EXPLAIN QUERY PLAN. */
export interface PlanRow {
  id: number;
  parent: number;
  notused: number;
  detail: string;
}

export type TransactionFunction<A extends unknown[], R> = ((...args: A) => Promise<R>) & {
  deferred: (...args: A) => Promise<R>;
  immediate: (...args: A) => Promise<R>;
  exclusive: (...args: A) => Promise<R>;
  /** Beside other writers; `fn` runs again when what it has read was changed by them (docs/concurrent-writers.md). */
  concurrent: (...args: A) => Promise<R>;
};

export interface Status {
  inTransaction: boolean;
  totalChanges: number;
  /** Where it lies; 'file': in a Blob or a file of the user's; 'url': on a web server. */
  storage: StorageKind | 'file' | 'url';
  /** Whether it was given a key. */
  encrypted: boolean;
  /** Of 'file' and 'url': bytes of the file, and what was read of it so far, in how many calls or requests. */
  source?: { size: number; bytes: number; requests: number };
  /** Whose worker has the file open: this page's, or one that serves it for this page. */
  owner: 'this' | 'other';
  /** How many workers have it open, which is how many tabs if each has one. */
  tabs: number;
  /** Whether the browser keeps what the origin stores until the user removes it. */
  persisted: boolean;
  /**
   * Compiled statements of the worker: those of `programs`, those kept for the next visit, and of the statements that were new to it, how
   * many were among these (hits) and how many were compiled (misses).
   */
  programs: { bundled: number; stored: number; hits: number; misses: number };
  /** Whether Pyodide is there. */
  compiler: 'absent' | 'loading' | 'ready';
  /** Whether it started from what an earlier visit has kept of its memory. */
  fromSnapshot: boolean;
}

export interface Snapshot {
  name: string;
  /** When it was taken. */
  time: Date;
  /** Bytes of the database then. */
  size: number;
}

export interface TransferOptions {
  /** Gives up; the promise rejects with its reason. */
  signal?: AbortSignal | null;
  /** Called after each part. Bytes; total: null when it is not known. */
  onProgress?: (progress: { done: number; total: number | null }) => void;
}

export interface BackupProgress {
  totalPages: number;
  remainingPages: number;
}

export interface BackupResult extends BackupProgress {
  bytes: number;
}

export interface BackupOptions {
  /** Default: where this one lies. */
  storage?: StorageKind;
  /** Another of the connection's databases, by its name in SQL. */
  attached?: string;
  /** Is told before each part, and says how many pages it is to have (100); 0: wait, and ask again. What it throws ends the backup. */
  progress?: (progress: BackupProgress) => number | undefined;
}
