/** The laws of tests/browser/vfs_laws.js for files in a page's localStorage, of which this has a model: prints "ok", or throws. Run by test_in_node.py. */

import { FileTable } from '../../vfs/table.js';
import { WebStorage } from '../../vfs/web_storage.js';
import { fileLaws, storageLaws } from '../browser/vfs_laws.js';

const NOT_HERE = 'files are owned'; // other tabs may use them

class Area {
  #items = new Map();

  get length() {
    return this.#items.size;
  }

  key(i) {
    return [...this.#items.keys()][i] ?? null;
  }

  getItem(key) {
    return this.#items.get(key) ?? null;
  }

  setItem(key, value) {
    this.#items.set(key, String(value));
  }

  removeItem(key) {
    this.#items.delete(key);
  }
}

for (const [law, holds] of Object.entries({ ...fileLaws, ...storageLaws })) {
  if (law === NOT_HERE) continue;
  const area = new Area();
  try {
    if (law in storageLaws) await holds(() => new WebStorage(area));
    else {
      const vfs = new FileTable({ '': new WebStorage(area) });
      await vfs.acquire('a', { create: true });
      await holds({ vfs, open: (name, flags = 1) => vfs.open(name, flags) });
    }
  } catch (error) {
    throw new Error(`${law}: ${error.stack}`, { cause: error });
  }
}
console.log('ok');
