/** turso-wasm/oo1: the object-oriented API #1 of sqlite-wasm. What is there is listed in docs/shims.md. */

export type SqlValue = null | number | bigint | string | Uint8Array;
export type BindValue = SqlValue | boolean | ArrayBuffer | Int8Array | undefined;
export type BindSpec = BindValue | BindValue[] | Record<string, BindValue>;

export class SQLite3Error extends Error {
  resultCode: number;
}

export interface Stmt {
  readonly columnCount: number;
  readonly parameterCount: number;
  readonly pointer: number | undefined;
  bind(value: BindSpec): this;
  bind(where: number | string, value: BindValue): this;
  bindAsBlob(value: string | Uint8Array | null): this;
  bindAsBlob(where: number | string, value: string | Uint8Array | null): this;
  clearBindings(): this;
  reset(alsoClearBinds?: boolean): this;
  step(): boolean;
  stepReset(): this;
  stepFinalize(): boolean;
  finalize(): number | undefined;
  isReadOnly(): boolean;
  isBusy(): boolean;
  get(column: number, asType?: number): SqlValue;
  get(row: SqlValue[]): SqlValue[];
  get(row: Record<string, SqlValue>): Record<string, SqlValue>;
  getInt(column: number): number | bigint;
  getFloat(column: number): number;
  getString(column: number): string | null;
  getBlob(column: number): Uint8Array | null;
  getJSON(column: number): unknown;
  getColumnName(column: number): string;
  getColumnNames(names?: string[]): string[];
  getParamIndex(name: string): number | undefined;
  getParamName(index: number): string | undefined;
}

export interface ExecOptions {
  sql?: string | string[];
  bind?: BindSpec;
  rowMode?: 'array' | 'object' | 'stmt' | number | `$${string}`;
  resultRows?: unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: its kind is that of rowMode
  callback?: (row: any, statement: Stmt) => unknown;
  columnNames?: string[];
  saveSql?: string[];
  returnValue?: 'this' | 'resultRows' | 'saveSql';
}

// biome-ignore lint/suspicious/noExplicitAny: what SQL passes is known to who writes the SQL
type Code = (context: number, ...values: any[]) => unknown;

export interface FunctionOptions {
  name?: string;
  xFunc?: Code;
  xStep?: Code;
  xFinal?: (context: number) => unknown;
  xValue?: (context: number) => unknown;
  xInverse?: Code;
  arity?: number;
  deterministic?: boolean;
  directOnly?: boolean;
}

export interface DB {
  readonly filename: string;
  readonly pointer: number | undefined;
  onclose?: { before?: (db: DB) => void; after?: (db: DB) => void };
  affirmOpen(): this;
  isOpen(): boolean;
  close(): void;
  changes(total?: boolean, sixtyFour?: boolean): number | bigint;
  dbFilename(name?: string): string;
  dbName(index?: number): string | null;
  /** Where a database of the connection lies. */
  dbVfsName(name?: string | number): string | undefined;
  openStatementCount(): number;
  prepare(sql: string | string[]): Stmt;
  exec(sql: string | string[], options?: ExecOptions): this;
  // biome-ignore lint/suspicious/noExplicitAny: its kind is that of returnValue
  exec(options: ExecOptions): any;
  selectValue(sql: string, bind?: BindSpec, asType?: number): SqlValue | undefined;
  selectValues(sql: string, bind?: BindSpec, asType?: number): SqlValue[];
  selectArray(sql: string, bind?: BindSpec): SqlValue[] | undefined;
  selectArrays(sql: string, bind?: BindSpec): SqlValue[][];
  selectObject(sql: string, bind?: BindSpec): Record<string, SqlValue> | undefined;
  selectObjects(sql: string, bind?: BindSpec): Record<string, SqlValue>[];
  transaction<T>(act: (db: this) => T): T;
  transaction<T>(qualifier: 'DEFERRED' | 'IMMEDIATE' | 'EXCLUSIVE' | '', act: (db: this) => T): T;
  savepoint<T>(act: (db: this) => T): T;
  createFunction(name: string, code: Code, options?: FunctionOptions): this;
  createFunction(name: string, options: FunctionOptions): this;
  createFunction(options: FunctionOptions & { name: string }): this;
}

type DBConstructor = new (filename?: string | { filename?: string; flags?: string }, flags?: string) => DB;

/** Databases in the page's localStorage ("local") or sessionStorage. */
export interface JsStorageDbConstructor {
  new (
    storage?: string | { filename?: string; flags?: string },
  ): DB & { clearStorage(): number; storageSize(): number };
  clearStorage(which?: string): number;
  storageSize(which?: string): number;
}

/** Files in OPFS that are acquired ahead: databases of any name are opened at once. */
export interface SAHPoolUtil {
  OpfsSAHPoolDb: DBConstructor;
  vfsName: string;
  getCapacity(): number;
  getFileCount(): number;
  getFileNames(): string[];
  addCapacity(n: number): Promise<number>;
  reduceCapacity(n: number): Promise<number>;
  reserveMinimumCapacity(n: number): Promise<number>;
  exportFile(name: string): Uint8Array;
  importDb(name: string, bytes: Uint8Array | ArrayBuffer): number;
  importDb(name: string, next: () => Promise<Uint8Array | ArrayBuffer | undefined>): Promise<number>;
  unlink(name: string): boolean;
  wipeFiles(): Promise<void>;
  removeVfs(): Promise<boolean>;
  pauseVfs(): this;
  isPaused(): boolean;
  unpauseVfs(): Promise<this>;
}

// biome-ignore lint/suspicious/noExplicitAny: what messages carry depends on their type
export type Worker1Promiser = (type: string | Record<string, any>, args?: any) => Promise<any>;

export interface PromiserConfig {
  onready?: (promiser: Worker1Promiser) => void;
  /** One that serves the Worker1 API; default: one of ours. */
  worker?: Worker | (() => Worker);
  onerror?: (...values: unknown[]) => void;
  onunhandled?: (event: MessageEvent) => void;
  generateMessageId?: (message: unknown) => string;
  debug?: (...values: unknown[]) => void;
  assets?: string | URL;
  pyodide?: string | URL;
}

/** Databases in a worker, by messages: https://sqlite.org/wasm/doc/trunk/api-worker1.md */
export const sqlite3Worker1Promiser: {
  (config?: PromiserConfig | ((promiser: Worker1Promiser) => void)): Worker1Promiser;
  v2(config?: PromiserConfig | ((promiser: Worker1Promiser) => void)): Promise<Worker1Promiser>;
};

export interface Sqlite3 {
  oo1: {
    DB: DBConstructor & { checkRc(db: DB | null, code: number): DB | null };
    OpfsDb?: DBConstructor;
    JsStorageDb?: JsStorageDbConstructor;
    Stmt: { prototype: Stmt };
  };
  /** Where `OpfsDb` is: acquires the files of further databases, and deletes them. */
  opfs?: { acquire(name: string): Promise<void>; unlink(name: string): Promise<void> };
  installOpfsSAHPoolVfs(options?: {
    name?: string;
    initialCapacity?: number;
    clearOnInit?: boolean;
  }): Promise<SAHPoolUtil>;
  SQLite3Error: typeof SQLite3Error;
  version: { libVersion: string; libVersionNumber: number; sourceId: string };
  // biome-ignore lint/suspicious/noExplicitAny: constants and a few functions
  capi: Record<string, any>;
}

/** `opfs`: the databases that `OpfsDb` may open; their files are acquired now, since that cannot be done at once later. */
export default function sqlite3InitModule(config?: {
  assets?: string | URL;
  pyodide?: string | URL;
  opfs?: string[];
  /** Says what databases with the flag "t" do. */
  print?: (text: string) => void;
}): Promise<Sqlite3>;
