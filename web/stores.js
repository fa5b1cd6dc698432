/** Where an engine's databases may lie, and the paths the kernel knows them by: "opfs://app.db", ":memory:1". */

import { BlobStorage } from '../vfs/blob.js';
import { IndexedDbStorage } from '../vfs/indexeddb.js';
import { MemoryStorage } from '../vfs/memory.js';
import { OpfsStorage } from '../vfs/opfs.js';
import { FileTable } from '../vfs/table.js';

/** What `connect` takes as `storage`. @typedef {'opfs' | 'indexeddb' | 'memory'} Kind */

export class Stores {
  #blobs = new BlobStorage();
  #nextPrivate = 1;

  /** @param {import('../vfs/base.js').Storage} [own] the only one for named databases; absent: what this context has */
  constructor(own) {
    const named = own
      ? { own }
      : { opfs: new OpfsStorage(), indexeddb: new IndexedDbStorage(), memory: new MemoryStorage() };
    /** The kind that is taken when none is asked for. @type {string} */
    this.usual = own ? 'own' : OpfsStorage.available || !IndexedDbStorage.available ? 'opfs' : 'indexeddb';
    /** What the kernel has as its file system. */
    this.files = new FileTable(
      {
        ...Object.fromEntries(Object.entries(named).map(([kind, store]) => [`${kind}://`, store])),
        'blob://': this.#blobs,
        ':memory:': new MemoryStorage({ private: true }),
      },
      this.path(''),
    );
  }

  /** Take IndexedDB for named databases where the browser has OPFS and refuses it: in some private windows. */
  async choose() {
    if (this.usual !== 'opfs' || !OpfsStorage.available || !IndexedDbStorage.available) return;
    if (await OpfsStorage.isUsable()) return;
    this.usual = 'indexeddb';
    this.files.usual = this.path('');
  }

  /** A path as PRAGMA database_list shows it. @param {string} path */
  shown(path) {
    return path.startsWith(':memory:') ? '' : path.slice(path.indexOf('://') + 1).replace(/^\/\//, '');
  }

  /** The path of a database, or, without a name, of all of a kind. @param {string} name @param {Kind} [kind] */
  path(name, kind) {
    return `${kind ?? this.usual}://${name}`;
  }

  /** Whether other tabs and workers find the same database at a path. @param {string} path */
  isOfOrigin(path) {
    return this.files.isOfOrigin(path);
  }

  /** The kind of storage of a path. @param {string} path @returns {Kind | 'file'} */
  kindOf(path) {
    const kind = path.slice(0, path.indexOf(':'));
    return kind === '' ? 'memory' : kind === 'blob' ? 'file' : /** @type {Kind} */ (kind);
  }

  /** The path of a new private database in memory. */
  privatePath() {
    return `:memory:${this.#nextPrivate++}`;
  }

  /** The path of a database that lies in a Blob; releasing it forgets the Blob. @param {Blob} blob */
  async blobPath(blob) {
    return `blob://${await this.#blobs.add(blob)}`;
  }
}
