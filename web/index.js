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
import {
  BOOLEAN,
  checkOptions,
  FILE,
  FOLDER,
  FUNCTION,
  GIVEN,
  MILLISECONDS,
  NAME,
  OVERLAY,
  oneOf,
  SECRET,
  SIGNAL,
  STORAGE,
  WORKER,
} from './page/check.js';
import { Database } from './page/database.js';
import { fileOf, isHandle } from './page/files.js';
import { RemoteDatabase } from './page/remote.js';
import { unlessAborted, workerFor } from './page/workers.js';
import { describe } from './values.js';

export { Statement } from './page/statement.js';
export { sql } from './page/tag.js';
export { fragment, identifier, join, values } from './template.js';
export { Database, SqlError, SqlError as SqliteError };

const BUSY_TIMEOUT_MS = 5000;
const URL_START = /^https?:\/\//i;
const ASSETS = { assets: FOLDER, pyodide: FOLDER, worker: WORKER, storage: STORAGE };
const CONNECT = {
  ...ASSETS,
  programs: FILE,
  compiler: BOOLEAN,
  readonly: BOOLEAN,
  create: BOOLEAN,
  integers: oneOf('auto', 'number', 'bigint'),
  persist: BOOLEAN,
  timeout: MILLISECONDS,
  key: SECRET,
  signal: SIGNAL,
  onProgress: FUNCTION,
  wal: GIVEN,
  overlay: OVERLAY,
  snapshot: NAME,
  download: BOOLEAN,
};

/** @param {string | URL | Blob | FileSystemFileHandle} given @param {any} [options] */
export async function connect(given, options) {
  const { signal, onProgress, readonly, create, integers, storage, timeout, persist, programs, compiler, ...rest } =
    checkOptions('connect()', options, CONNECT);
  const { wal, overlay, download, key, snapshot, ...where } = rest;
  const source = await sourceOf(given);
  const isGiven = typeof source !== 'string' || URL_START.test(source);
  if (!isGiven) mustBeGiven({ wal, overlay, download });
  else if (snapshot !== undefined) throw new TypeError('connect(): the option "snapshot" is for databases of the page');
  const settings = { integers: integers ?? 'auto', timeout: timeout ?? BUSY_TIMEOUT_MS };
  const client = await workerFor(where, { onProgress, signal, programs: located(programs), compiler });
  const gift = { wal: wal && (await fileOf(wal)), overlay: overlay || undefined, download };
  const request = {
    op: 'open',
    name: source,
    options: { readonly, create, storage, compiler, key, snapshot, ...gift, ...settings },
  };
  const opening = client.request(request, { signal });
  try {
    const opened = await unlessAborted(opening, signal);
    const shown = typeof source === 'string' ? source : /** @type {any} */ (source.name ?? 'blob');
    const isPrivate = source === ':memory:' || source === '' || overlay;
    const again = (/** @type {any} */ more) => client.request({ ...request, options: { ...request.options, ...more } });
    const connection = new RemoteDatabase(
      client,
      opened,
      { ...settings, persist: persist !== false },
      isPrivate ? null : again,
    );
    const handle = isHandle(given) ? given : null;
    return new Database(connection, shown, { handle, isAlone: !gift.wal?.size, isWritable: Boolean(overlay) });
  } catch (error) {
    opening.then(({ database }) => client.request({ op: 'close', database })).catch(() => undefined);
    throw error;
  }
}

/** What the worker opens: a name, a URL's text or a Blob. @param {any} given @returns {Promise<string | Blob>} */
async function sourceOf(given) {
  if (typeof given === 'string' || given instanceof Blob) return given;
  if (given instanceof URL) return given.href;
  if (isHandle(given)) return fileOf(given);
  throw new TypeError(`a database is a name, a URL, a Blob or a FileSystemFileHandle, not ${describe(given)}`);
}

/** @param {Record<string, unknown>} options */
function mustBeGiven(options) {
  const name = Object.keys(options).find((one) => options[one] !== undefined);
  if (name) throw new TypeError(`connect(): the option "${name}" is for Blobs, file handles and URLs`);
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
