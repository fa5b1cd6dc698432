/**
 * The engine without a page in between: synchronous databases for who is in a worker, or in Node, already.
 *
 *     import { connect } from 'turso-wasm/host';
 *     const db = await connect(':memory:');
 *     const rows = db.prepare('SELECT * FROM users WHERE id = ?').all(1);
 */

import { Engine } from './engine.js';
import { assetsFrom, placeOf } from './locations.js';

export { SqlError } from '../base/errors.js';
export { GivenStorage } from '../vfs/given.js';
export { IndexedDbStorage } from '../vfs/indexeddb.js';
export { MemoryStorage } from '../vfs/memory.js';
export { OpfsStorage } from '../vfs/opfs.js';
export { Compiler } from './compiler.js';
export { HostDatabase as Database } from './database.js';
export { assetsFrom, assetsIn } from './locations.js';
export { HostStatement as Statement } from './statement.js';
export { Engine };

/** @type {Map<string, Promise<Engine>>} by place */
const engines = new Map();

/** @param {string | Blob} name @param {import('./locations.js').Where & import('./engine.js').OpenOptions} [options] */
export async function connect(name, { assets, pyodide, ...options } = {}) {
  return (await engineFrom(assetsFrom({ assets, pyodide }))).open(name, options);
}

/** One for each place; one that cannot start is forgotten. @param {import('./locations.js').Assets} assets */
function engineFrom(assets) {
  const { kernel, ...compiler } = assets;
  const place = placeOf(assets);
  const started = engines.get(place) ?? Engine.create({ kernel, compiler });
  engines.set(place, started);
  started.catch(() => engines.delete(place));
  return started;
}
