/** What `connect` and its like take. */

import type { Integers } from './values.js';

/** Where databases lie: the origin private file system, IndexedDB, or the worker's memory (until the worker ends). */
export type StorageKind = 'opfs' | 'indexeddb' | 'memory';

export interface AssetOptions {
  /** Folder with kernel.wasm, compiler.pack and, unless `pyodide` says otherwise, pyodide/. */
  assets?: string | URL;
  /** Folder with Pyodide 314's pyodide.mjs. */
  pyodide?: string | URL;
  /** A worker running turso-wasm/turso/worker.js, or what makes one; by default all databases of a page share one. */
  worker?: Worker | (() => Worker);
  /** Default: 'opfs' where there is one, else 'indexeddb', never 'memory'; `db.storage` tells. */
  storage?: StorageKind;
}

export interface ConnectOptions extends AssetOptions {
  /** Refuse to write; the file must exist. */
  readonly?: boolean;
  /** false: the file must exist. Default true. */
  create?: boolean;
  integers?: Integers;
  /**
   * After the first write the browser is asked to keep what the origin stores (navigator.storage.persist()), which some ask the user;
   * `status()` tells what came of it. false: it is not asked.
   */
  persist?: boolean;
  /** How many milliseconds to wait for another connection's lock (PRAGMA busy_timeout); default 5000. */
  timeout?: number;
  /**
   * Of an encrypted database (docs/encryption.md): a passphrase, or the key itself as 32 bytes. A new one is encrypted with it. Errors:
   * SqlError SQLITE_NOTADB at the first use, when the file needs one, or another one, or is not encrypted.
   */
  key?: string | Uint8Array;
  /**
   * The application's statements, as `turso-wasm compile` wrote them (docs/start-up.md): the file's URL, or its bytes. The compiler is then
   * loaded when another statement is prepared, and not before. A file that is damaged, or for another version of the engine, is not used:
   * a warning on the console says so, and statements are compiled as without it.
   */
  programs?: string | URL | ArrayBuffer | ArrayBufferView;
  /**
   * false: never compile. Statements that have no Program, from `programs` or from an earlier visit, fail with SQLITE_ERROR and their text;
   * `connect` rejects when `programs` cannot be used.
   */
  compiler?: boolean;
  /** Gives up connecting, at once. */
  signal?: AbortSignal | null;
  /** The log that lies beside a file, "….db-wal": what is in it and not yet in the file is read as well. */
  wal?: Blob | FileSystemFileHandle;
  /**
   * Let a Blob, a file or a URL be written: changes are kept beside it and not in it. true: in memory, until the database is closed. A name: in
   * OPFS under it, where the next `connect` of the same file with the same name finds them; `list` names it, `remove` forgets it.
   */
  overlay?: boolean | string;
  /** Read what the database was at that snapshot of it (`Database.snapshot`). Errors: SqliteError SQLITE_ERROR when there is none of that name. */
  snapshot?: string;
  /** Of a URL that the server does not send in parts (HTTP ranges): fetch the whole file. Default false: it is refused. */
  download?: boolean;
  /** Called while the engine starts. */
  onProgress?: (stage: 'kernel' | 'compiler' | 'ready') => void;
}
