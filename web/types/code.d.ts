/** Code of the user's, which SQL calls. */

/**
 * Code that the database's worker runs. A function is sent as its source text, so it must use nothing from outside but what every worker
 * has; what does is refused with a TypeError that names it. Source text is taken as it is (under a content security policy both need
 * 'unsafe-eval'). Of a module an export is taken, "default" if none is named.
 */
export type Code<F> = F | string | URL | { module: string | URL; export?: string };

export interface CallOptions {
  /** Equal arguments always give equal results: indexes, CHECKs and generated columns may use it. */
  deterministic?: boolean;
  /** It cannot be called by triggers, views and the schema. */
  directOnly?: boolean;
  /** It takes any number of arguments; else as many as its code names. */
  varargs?: boolean;
  /** Integers are given as BigInt; false: as numbers; else as numbers where these are exact. */
  safeIntegers?: boolean;
}

/** Of code that SQL calls: values as `SqlValue`, which its declaration may narrow. */
// biome-ignore lint/suspicious/noExplicitAny: what SQL passes is known to who writes the SQL
export type SqlArguments = any[];

export interface AggregateOptions<T> extends CallOptions {
  /** The first total, or what makes it; null. */
  start?: T | (() => T);
  /** The new total; undefined keeps it. */
  step: Code<(total: T, ...values: SqlArguments) => T | undefined>;
  /** Takes the oldest row out: the aggregate can be a window function. */
  inverse?: Code<(total: T, ...values: SqlArguments) => T | undefined>;
  /** The value; the total itself. */
  result?: Code<(total: T) => unknown>;
}

export interface TableOptions {
  /** Gives the rows: arrays of the columns, or objects. It is called for each use in FROM, and not run further than rows are wanted. */
  rows: Code<(...values: SqlArguments) => Iterable<unknown[] | Record<string, unknown>>>;
  columns: string[];
  /** Names of the arguments, which are hidden columns too; $1, $2 … */
  parameters?: string[];
  /** It cannot be used by triggers, views and the schema. */
  directOnly?: boolean;
  safeIntegers?: boolean;
}

/** An authorizer: SQLITE_OK (0), SQLITE_DENY (1) or SQLITE_IGNORE (2, of a column: NULL) for what a statement would do. */
export type Authorizer = (
  action: number,
  first: string | null,
  second: string | null,
  schema: string | null,
  view: string | null,
) => number;

/** Of a row of a table with rowids. */
export type UpdateHook = (
  operation: 'INSERT' | 'UPDATE' | 'DELETE',
  schema: string,
  table: string,
  rowid: number | bigint,
) => void;
