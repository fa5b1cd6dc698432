/**
 * The engine without a page in between: synchronous databases for who is in a worker, or in Node, already.
 *
 *     import { connect } from 'turso-wasm/host';
 *     const db = await connect(':memory:');
 *     const rows = db.prepare('SELECT * FROM users WHERE id = ?').all(1);
 */

import { DiskStorage } from '../vfs/disk.js';
import { Engine } from './engine.js';
import { assetsFrom, placeOf } from './locations.js';
import { BOOLEAN, checkOptions, FOLDER, MILLISECONDS, NAME, oneOf, SECRET } from './page/check.js';
import { describe } from './values.js';

export { AUTHORIZER as constants } from '../base/abi.js';
export { SqlError, SqlError as SqliteError } from '../base/errors.js';
export { GivenStorage } from '../vfs/given.js';
export { IndexedDbStorage } from '../vfs/indexeddb.js';
export { MemoryStorage } from '../vfs/memory.js';
export { OpfsStorage } from '../vfs/opfs.js';
export { Compiler } from './compiler.js';
export { HostDatabase as Database } from './database.js';
export { assetsFrom, assetsIn } from './locations.js';
export { HostStatement as Statement } from './statement.js';
export { fragment, identifier, join, values } from './template.js';
export { Real } from './values.js';
export { DiskStorage, Engine };

const ASSETS = { assets: FOLDER, pyodide: FOLDER, storage: oneOf('opfs', 'indexeddb', 'memory', 'disk') };
const CONNECT = {
  ...ASSETS,
  readonly: BOOLEAN,
  create: BOOLEAN,
  integers: oneOf('auto', 'number', 'bigint'),
  timeout: MILLISECONDS,
  key: SECRET,
  compiler: BOOLEAN,
  snapshot: NAME,
};

/** @type {Map<string, Promise<Engine>>} by place */
const engines = new Map();

/** @param {string | Blob} name @param {import('./locations.js').Where & import('./engine.js').OpenOptions} [options] */
export async function connect(name, options) {
  if (!(name instanceof Blob) && typeof name !== 'string') {
    throw new TypeError(`a database name must be a string or a Blob, not ${describe(name)}`);
  }
  const { assets, pyodide, ...open } = checkOptions('connect()', options, CONNECT);
  const engine = await engineFrom(assetsFrom({ assets, pyodide }));
  return open.compiler === false ? engine.openNow(name, open) : engine.open(name, open);
}

/** The names of the databases. @param {any} [options] @returns {Promise<string[]>} */
export async function list(options) {
  const { storage, ...where } = checkOptions('list()', options, ASSETS);
  const { files, stores } = await engineFrom(assetsFrom(where));
  return files.list(stores.path('', storage));
}

/** Delete a database that is not open anywhere. @param {string} name @param {any} [options] */
export async function remove(name, options) {
  if (typeof name !== 'string' || name === '') {
    throw new TypeError(`remove() takes the name of a database, not ${name === '' ? '""' : describe(name)}`);
  }
  const { storage, ...where } = checkOptions('remove()', options, ASSETS);
  const { files, stores } = await engineFrom(assetsFrom(where));
  await files.remove(stores.path(name, storage));
}

/** One for each place; one that cannot start is forgotten. @param {import('./locations.js').Assets} assets */
export function engineFrom(assets) {
  const { kernel, ...compiler } = assets;
  const place = placeOf(assets);
  const started =
    engines.get(place) ?? Engine.create({ kernel, compiler, disk: DiskStorage.available ? new DiskStorage() : null });
  engines.set(place, started);
  started.catch(() => engines.delete(place));
  return started;
}
