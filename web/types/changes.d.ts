/** What becomes of rows: commits, live queries, captured changes. */

import type { Row, SqlValue } from './values.js';

export interface Change {
  /**
   * The tables whose rows may have changed, by triggers and foreign keys too; 'sqlite_schema' among them: the schema, so any. null: any, as
   * commits may have been missed while another tab took the database over.
   */
  tables: string[] | null;
  /** Whether this connection has committed. */
  own: boolean;
}

/** What has become of the rows of a live query since the patch before; the first has all of them as `added`. */
export interface LivePatch<T = Row> {
  /** All rows now, in order. Rows that are as they were are the objects that they were. */
  rows: T[];
  /** New rows, rows with other values, and rows that are gone, as they were: each with its key, a text that stays. */
  added: [key: string, row: T][];
  changed: [key: string, row: T][];
  removed: [key: string, row: T][];
  /** All keys in order; null: those that stayed are in the order that they were in, and `added` comes behind them. */
  order: string[] | null;
}

/** Leaving the loop, or `return()`, ends it. */
export interface Live<T = Row> extends AsyncIterableIterator<LivePatch<T>, undefined>, AsyncDisposable {
  next(): Promise<IteratorResult<LivePatch<T>, undefined>>;
  return(): Promise<IteratorResult<LivePatch<T>, undefined>>;
}

/** A captured change. */
export interface CapturedChange {
  /** Counts up. Pass the last one that was dealt with as `since` to go on behind it. */
  id: number;
  /** In seconds since 1970. */
  time: number;
  /** Equal for the changes of one transaction, whose last is its 'commit'; null in tables of the first layout. */
  transaction: number | null;
  type: 'insert' | 'update' | 'delete' | 'commit';
  /** 'sqlite_schema' for changes of the schema, null of a commit, as the key is. */
  table: string | null;
  /** The rowid; of a WITHOUT ROWID table the values of its primary key. */
  key: number | bigint | SqlValue[] | null;
  /** The row by the names that the columns had then, as far as it was captured. */
  before: Row | null;
  after: Row | null;
  /** The columns that an update has written, in mode 'full'. */
  assigned: string[] | null;
  /** Whether REPLACE has deleted the row. */
  replaced: boolean;
}

/** Leaving the loop, or `return()`, ends it. */
export interface Changes extends AsyncIterableIterator<CapturedChange, undefined>, AsyncDisposable {
  next(): Promise<IteratorResult<CapturedChange, undefined>>;
  return(): Promise<IteratorResult<CapturedChange, undefined>>;
  /** Number of the last change that was read, at first the one behind which it begins; `undefined`: that is still being asked. */
  readonly since: number | undefined;
}

export interface ChangesOptions {
  /** Changes behind this one, 0: from the first on. Default: from now on. */
  since?: number;
  /** The table of changes. Default: the one that this connection captures into, or turso_cdc. */
  table?: string;
  /** Ends it: it rejects with the signal's reason. */
  signal?: AbortSignal | null;
}

export interface LiveOptions {
  /** Ends it: it rejects with the signal's reason. */
  signal?: AbortSignal | null;
  /** The columns that tell the rows apart. Default: the primary keys of tables, or rowids, that are among them, else their position. */
  key?: string | string[];
}
