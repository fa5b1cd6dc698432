/** turso-wasm/sqljs: the API of sql.js (https://sql.js.org/documentation/). What is there is listed in docs/shims.md. */

export type SqlValue = number | string | Uint8Array | null;
export type BindValue = SqlValue | bigint | boolean | number[];
export type BindParams = BindValue[] | Record<string, BindValue> | null;

export interface QueryExecResult {
  columns: string[];
  values: SqlValue[][];
}

export interface Config {
  /** BigInts for all integers. */
  useBigInt?: boolean;
}

export interface Statement {
  bind(values?: BindParams): boolean;
  step(): boolean;
  get(params?: BindParams, config?: Config): SqlValue[];
  getAsObject(params?: BindParams, config?: Config): Record<string, SqlValue>;
  getColumnNames(): string[];
  getSQL(): string;
  getNormalizedSQL(): string;
  run(values?: BindParams): boolean;
  reset(): boolean;
  freemem(): void;
  free(): boolean;
}

export interface StatementIterator extends IterableIterator<Statement> {
  getRemainingSQL(): string;
}

export interface Database {
  run(sql: string, params?: BindParams): this;
  exec(sql: string, params?: BindParams, config?: Config): QueryExecResult[];
  each(
    sql: string,
    params: BindParams,
    callback: (row: Record<string, SqlValue>) => void,
    done?: () => void,
    config?: Config,
  ): unknown;
  each(sql: string, callback: (row: Record<string, SqlValue>) => void, done?: () => void): unknown;
  prepare(sql: string, params?: BindParams): Statement;
  iterateStatements(sql: string): StatementIterator;
  export(): Uint8Array;
  close(): void;
  getRowsModified(): number;
  updateHook(
    callback:
      | ((operation: 'insert' | 'update' | 'delete', database: string, table: string, rowid: number | bigint) => void)
      | null,
  ): this;
  handleError(code: number): null;
  // biome-ignore lint/suspicious/noExplicitAny: what SQL passes is known to who writes the SQL
  create_function(name: string, code: (...values: any[]) => unknown): this;
  create_aggregate(
    name: string,
    parts: {
      // biome-ignore lint/suspicious/noExplicitAny: likewise
      init?: () => any;
      // biome-ignore lint/suspicious/noExplicitAny: likewise
      step: (state: any, ...values: any[]) => any;
      // biome-ignore lint/suspicious/noExplicitAny: likewise
      finalize?: (state: any) => unknown;
    },
  ): this;
}

export interface SqlJsStatic {
  Database: new (data?: ArrayLike<number> | null) => Database;
  Statement: { prototype: Statement };
}

/** `locateFile` is not called: there is no sql-wasm.wasm. `assets` says where our own files are, as for `connect`. */
export default function initSqlJs(config?: {
  assets?: string | URL;
  pyodide?: string | URL;
  locateFile?: (file: string) => string;
}): Promise<SqlJsStatic>;
