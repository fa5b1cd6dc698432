/** sqlite-wasm's kvvfs: databases in a page's localStorage and sessionStorage. */

import { WebStorage } from '../../vfs/web_storage.js';
import { SQLite3Error } from './oo1_stmt.js';

/** @typedef {'local' | 'session'} Which */

/** The page's storages, mounted; null where there are none, as in workers and Node. @param {import('./memory.js').Engine} engine */
export function webStorages({ files }) {
  const local = areaOf('localStorage');
  const session = areaOf('sessionStorage');
  if (!local || !session) return null;
  const stores = { local: new WebStorage(local), session: new WebStorage(session) };
  files.mount('localStorage://', stores.local);
  files.mount('sessionStorage://', stores.session);
  return stores;
}

/** @param {'localStorage' | 'sessionStorage'} name */
function areaOf(name) {
  if (typeof document === 'undefined') return undefined; // Node's are files of its own
  try {
    return globalThis[name];
  } catch {
    return undefined; // forbidden
  }
}

/** @param {unknown} name "local", ":localStorage:" … @returns {Which} */
export function whichStorage(name) {
  const found = /^(?:(local|session)|:(local|session)Storage:)$/.exec(String(name));
  if (!found) throw new SQLite3Error("JsStorageDb db name must be one of 'session' or 'local'.", 1);
  return /** @type {Which} */ (found[1] ?? found[2]);
}

/** The stores that a name means: "" is both. @param {Record<Which, WebStorage>} stores @param {string} which */
export function storesOf(stores, which) {
  return which === '' ? Object.values(stores) : [stores[whichStorage(which)]];
}
