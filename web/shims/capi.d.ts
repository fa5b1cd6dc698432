/** turso-wasm/capi: SQLite's C API as wa-sqlite has it. What is there is listed in docs/shims.md. */

export type SqlValue = null | number | bigint | string | Uint8Array;
export type BindValue = SqlValue | boolean | number[] | undefined;

export const SQLITE_OK: 0;
export const SQLITE_ERROR: 1;
export const SQLITE_BUSY: 5;
export const SQLITE_MISUSE: 21;
export const SQLITE_RANGE: 25;
export const SQLITE_ROW: 100;
export const SQLITE_DONE: 101;
export const SQLITE_INTEGER: 1;
export const SQLITE_FLOAT: 2;
export const SQLITE_TEXT: 3;
export const SQLITE_BLOB: 4;
export const SQLITE_NULL: 5;
export const SQLITE_OPEN_READONLY: number;
export const SQLITE_OPEN_READWRITE: number;
export const SQLITE_OPEN_CREATE: number;
export const SQLITE_OPEN_MEMORY: number;
export const SQLITE_UTF8: number;
export const SQLITE_DETERMINISTIC: number;
export const SQLITE_DIRECTONLY: number;

/** What an authorizer answers, and is asked about. */
export const SQLITE_DENY: number;
export const SQLITE_IGNORE: number;
export const SQLITE_CREATE_INDEX: number;
export const SQLITE_CREATE_TABLE: number;
export const SQLITE_CREATE_TEMP_INDEX: number;
export const SQLITE_CREATE_TEMP_TABLE: number;
export const SQLITE_CREATE_TEMP_TRIGGER: number;
export const SQLITE_CREATE_TEMP_VIEW: number;
export const SQLITE_CREATE_TRIGGER: number;
export const SQLITE_CREATE_VIEW: number;
export const SQLITE_DELETE: number;
export const SQLITE_DROP_INDEX: number;
export const SQLITE_DROP_TABLE: number;
export const SQLITE_DROP_TEMP_INDEX: number;
export const SQLITE_DROP_TEMP_TABLE: number;
export const SQLITE_DROP_TEMP_TRIGGER: number;
export const SQLITE_DROP_TEMP_VIEW: number;
export const SQLITE_DROP_TRIGGER: number;
export const SQLITE_DROP_VIEW: number;
export const SQLITE_INSERT: number;
export const SQLITE_PRAGMA: number;
export const SQLITE_READ: number;
export const SQLITE_SELECT: number;
export const SQLITE_TRANSACTION: number;
export const SQLITE_UPDATE: number;
export const SQLITE_ATTACH: number;
export const SQLITE_DETACH: number;
export const SQLITE_ALTER_TABLE: number;
export const SQLITE_REINDEX: number;
export const SQLITE_ANALYZE: number;
export const SQLITE_CREATE_VTABLE: number;
export const SQLITE_DROP_VTABLE: number;
export const SQLITE_FUNCTION: number;
export const SQLITE_SAVEPOINT: number;
export const SQLITE_RECURSIVE: number;

export class SQLiteError extends Error {
  code: number;
}

/** The numbers of databases, statements, contexts and values mean something to this API only. */
export interface SQLiteAPI {
  open_v2(name?: string, flags?: number, vfs?: 'opfs' | 'indexeddb' | 'memory'): Promise<number>;
  close(db: number): Promise<number>;
  changes(db: number): number;
  total_changes(db: number): number;
  get_autocommit(db: number): number;
  last_insert_id(db: number): number | bigint;
  interrupt(db: number): void;
  errstr(code: number): string;
  db_filename(db: number, name?: string): string | null;
  serialize(db: number, name?: string): Uint8Array;
  deserialize(db: number, bytes: Uint8Array): Promise<number>;
  backup(
    db: number,
    name: string,
    options?: {
      storage?: 'opfs' | 'indexeddb' | 'memory' | 'disk';
      attached?: string;
      progress?: (progress: { totalPages: number; remainingPages: number }) => number | undefined;
    },
  ): Promise<{ bytes: number; totalPages: number; remainingPages: number }>;
  /** A copy of what the source is now, in the place of "main" of another connection, when all steps are done. */
  backup_init(target: number, targetName: 'main', source: number, sourceName: string): Promise<number>;
  /** SQLITE_OK, or SQLITE_DONE when the copy is in its place. */
  backup_step(backup: number, pages: number): Promise<number>;
  backup_remaining(backup: number): number;
  backup_pagecount(backup: number): number;
  backup_finish(backup: number): Promise<number>;
  /** A text or blob of a row, to be read and written in parts. */
  blob_open(
    db: number,
    schema: string,
    table: string,
    column: string,
    rowid: number | bigint,
    writes: number,
  ): Promise<number>;
  blob_reopen(blob: number, rowid: number | bigint): Promise<number>;
  blob_bytes(blob: number): number;
  blob_read(blob: number, n: number, offset: number): Promise<Uint8Array>;
  blob_write(blob: number, bytes: Uint8Array, offset: number): Promise<number>;
  blob_close(blob: number): Promise<number>;
  create_collation(
    db: number,
    name: string,
    encoding: number,
    app: unknown,
    compare: ((app: unknown, a: string, b: string) => number) | null,
  ): number;
  libversion(): string;
  libversion_number(): number;
  prepare_v2(db: number, sql: string): Promise<{ stmt: number; sql: string } | null>;
  prepare_v3(db: number, sql: string, flags?: number): Promise<{ stmt: number; sql: string } | null>;
  statements(db: number, sql: string): AsyncGenerator<number, void>;
  exec(db: number, sql: string, callback?: (row: SqlValue[], columns: string[]) => unknown): Promise<number>;
  step(stmt: number): Promise<number>;
  reset(stmt: number): Promise<number>;
  finalize(stmt: number): Promise<number>;
  sql(stmt: number): string;
  expanded_sql(stmt: number): string;
  stmt_readonly(stmt: number): boolean;
  stmt_busy(stmt: number): boolean;
  bind(stmt: number, i: number, value: BindValue): number;
  bind_collection(stmt: number, values: BindValue[] | Record<string, BindValue>): number;
  bind_blob(stmt: number, i: number, value: Uint8Array | number[]): number;
  bind_double(stmt: number, i: number, value: number): number;
  bind_int(stmt: number, i: number, value: number): number;
  bind_int64(stmt: number, i: number, value: bigint): number;
  bind_null(stmt: number, i: number): number;
  bind_text(stmt: number, i: number, value: string): number;
  bind_parameter_count(stmt: number): number;
  bind_parameter_name(stmt: number, i: number): string;
  bind_parameter_index(stmt: number, name: string): number;
  clear_bindings(stmt: number): number;
  column(stmt: number, i: number): SqlValue;
  row(stmt: number): SqlValue[];
  data_count(stmt: number): number;
  column_count(stmt: number): number;
  column_name(stmt: number, i: number): string;
  column_names(stmt: number): string[];
  column_type(stmt: number, i: number): number;
  column_blob(stmt: number, i: number): Uint8Array;
  column_bytes(stmt: number, i: number): number;
  column_double(stmt: number, i: number): number;
  column_int(stmt: number, i: number): number;
  column_int64(stmt: number, i: number): bigint;
  column_text(stmt: number, i: number): string;
  column_decltype(stmt: number, i: number): string | null;
  column_table_name(stmt: number, i: number): string | null;
  column_origin_name(stmt: number, i: number): string | null;
  create_function(
    db: number,
    name: string,
    nArg: number,
    flags: number,
    app: unknown,
    xFunc?: (context: number, values: number[]) => void,
    xStep?: (context: number, values: number[]) => void,
    xFinal?: (context: number) => void,
  ): number;
  update_hook(
    db: number,
    xUpdate: ((operation: number, schema: string, table: string, rowid: bigint) => void) | null,
  ): void;
  /** xCommit: not 0: the transaction is rolled back instead. */
  commit_hook(db: number, xCommit: (() => number) | null): void;
  rollback_hook(db: number, xRollback: (() => void) | null): void;
  set_authorizer<T>(
    db: number,
    ask:
      | ((
          app: T,
          action: number,
          first: string | null,
          second: string | null,
          schema: string | null,
          view: string | null,
        ) => number)
      | null,
    app?: T,
  ): number;
  progress_handler<T>(db: number, steps: number, handler: ((app: T) => number) | null, app?: T): void;
  /** The limit before; value: negative: it stays. */
  limit(db: number, category: number, value: number): number;
  user_data(context: number): unknown;
  value(value: number): SqlValue;
  value_type(value: number): number;
  value_text(value: number): string;
  value_blob(value: number): Uint8Array;
  value_bytes(value: number): number;
  value_double(value: number): number;
  value_int(value: number): number;
  value_int64(value: number): bigint;
  result(context: number, value: SqlValue | boolean): void;
  result_blob(context: number, value: Uint8Array): void;
  result_double(context: number, value: number): void;
  result_int(context: number, value: number): void;
  result_int64(context: number, value: bigint): void;
  result_null(context: number): void;
  result_text(context: number, value: string): void;
  result_error(context: number, message: string): void;
}

export interface SQLiteModule {
  readonly ready: Promise<void>;
}

export default function SQLiteESMFactory(config?: {
  assets?: string | URL;
  pyodide?: string | URL;
}): Promise<SQLiteModule>;
export function Factory(module: SQLiteModule): Readonly<SQLiteAPI>;
