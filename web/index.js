/**
 * turso-wasm in a page: databases that live in a worker.
 *
 *     import { connect } from 'turso-wasm';
 *     const db = await connect('app.db');
 *     const rows = await db.prepare('SELECT * FROM users WHERE id = ?').all(1);
 *
 * The methods are those of better-sqlite3, asynchronous. Types and their documentation: index.d.ts.
 */

import { SqlError } from '../base/errors.js';
import { BOOLEAN, checkOptions, FILE, FOLDER, FUNCTION, MILLISECONDS, oneOf, SIGNAL, WORKER } from './page/check.js';
import { Database } from './page/database.js';
import { RemoteDatabase } from './page/remote.js';
import { unlessAborted, workerFor } from './page/workers.js';
import { describe } from './values.js';

export { Statement } from './page/statement.js';
export { sql } from './page/tag.js';
export { Database, SqlError };

const BUSY_TIMEOUT_MS = 5000;
const ASSETS = { assets: FOLDER, pyodide: FOLDER, worker: WORKER, storage: oneOf('opfs', 'indexeddb', 'memory') };
const CONNECT = {
  ...ASSETS,
  programs: FILE,
  compiler: BOOLEAN,
  readonly: BOOLEAN,
  create: BOOLEAN,
  integers: oneOf('auto', 'number', 'bigint'),
  persist: BOOLEAN,
  timeout: MILLISECONDS,
  signal: SIGNAL,
  onProgress: FUNCTION,
};

/** @param {string | Blob} name @param {any} [options] */
export async function connect(name, options) {
  const isBlob = name instanceof Blob;
  if (!isBlob && typeof name !== 'string') {
    throw new TypeError(`a database name must be a string or a Blob, not ${describe(name)}`);
  }
  const { signal, onProgress, readonly, create, integers, storage, timeout, persist, programs, compiler, ...where } =
    checkOptions('connect()', options, CONNECT);
  const settings = { integers: integers ?? 'auto', timeout: timeout ?? BUSY_TIMEOUT_MS };
  const client = await workerFor(where, { onProgress, signal, programs: located(programs), compiler });
  const request = { op: 'open', name, options: { readonly, create, storage, compiler, ...settings } };
  const opening = client.request(request, { signal });
  try {
    const opened = await unlessAborted(opening, signal);
    const shown = isBlob ? /** @type {any} */ (name.name ?? 'blob') : name;
    return new Database(new RemoteDatabase(client, opened, { ...settings, persist: persist !== false }), shown);
  } catch (error) {
    opening.then(({ database }) => client.request({ op: 'close', database })).catch(() => undefined);
    throw error;
  }
}

/** An absolute URL, or the bytes. @param {any} file */
function located(file) {
  return typeof file === 'string' || file instanceof URL ? new URL(file, globalThis.location?.href).href : file;
}

/** The names of the databases. @param {any} [options] @returns {Promise<string[]>} */
export async function list(options) {
  const { storage, ...where } = checkOptions('list()', options, ASSETS);
  return (await (await workerFor(where)).request({ op: 'list', storage })).names;
}

/** Delete a database that is not open anywhere. @param {string} name @param {any} [options] */
export async function remove(name, options) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`remove() takes the name of a database, not ${name === '' ? '""' : describe(name)}`);
  }
  const { storage, ...where } = checkOptions('remove()', options, ASSETS);
  await (await workerFor(where)).request({ op: 'remove', name, storage });
}
