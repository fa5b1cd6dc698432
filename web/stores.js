/** Where an engine's databases may lie, and the paths the kernel knows them by: "opfs://app.db", ":memory:1". */

import { GIVEN, isUrl } from '../vfs/base.js';
import { GivenStorage } from '../vfs/given.js';
import { IndexedDbStorage } from '../vfs/indexeddb.js';
import { MemoryStorage } from '../vfs/memory.js';
import { OpfsStorage } from '../vfs/opfs.js';
import { FileTable } from '../vfs/table.js';

/** What `connect` takes as `storage`. @typedef {'opfs' | 'indexeddb' | 'memory' | 'disk'} Kind */

export class Stores {
  #given;
  #private = new MemoryStorage({ private: true });
  #nextPrivate = 1;

  /**
   * @param {import('../vfs/base.js').Storage} [own] the only one for named databases; absent: what this context has
   * @param {import('../vfs/base.js').Storage | null} [disk] files of the system, where there are any
   */
  constructor(own, disk = null) {
    const opfs = new OpfsStorage();
    const here = disk ? { disk } : {};
    const named = own ? { own } : { opfs, indexeddb: new IndexedDbStorage(), memory: new MemoryStorage(), ...here };
    this.#given = new GivenStorage(OpfsStorage.available && !own ? opfs : null);
    /** The kind that is taken when none is asked for. @type {string} */
    this.usual = own ? 'own' : disk ? 'disk' : usualKind();
    /** What the kernel has as its file system. */
    this.files = new FileTable(
      {
        ...Object.fromEntries(Object.entries(named).map(([kind, store]) => [`${kind}://`, store])),
        [GIVEN]: this.#given,
        ':memory:': this.#private,
      },
      this.path(''),
    );
    this.files.sleep = disk?.sleep ?? null;
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
    const prefix = `${kind ?? this.usual}://`;
    return isUrl(name) ? GIVEN + name : prefix + (this.files?.mounts[prefix]?.resolve(name) ?? name);
  }

  /** Whether other processes may have it locked for a while. @param {string} path */
  isOfProcesses(path) {
    return this.files.isOfProcesses(path);
  }

  /** Whether other tabs and workers find the same database at a path. @param {string} path */
  isOfOrigin(path) {
    return this.files.isOfOrigin(path);
  }

  /** The kind of storage of a path. @param {string} path @returns {Kind | 'file' | 'url'} */
  kindOf(path) {
    if (path.startsWith(GIVEN)) {
      const said = this.#given.kindOf(path.slice(GIVEN.length));
      return /** @type {Kind} */ (said) ?? (/^given:\/\/(\d+\/)?https?:/i.test(path) ? 'url' : 'file');
    }
    return /** @type {Kind} */ (path.slice(0, path.indexOf(':')) || 'memory');
  }

  /** What was read so far of a database that was given. @param {string} path */
  figures(path) {
    return path.startsWith(GIVEN) ? this.#given.figures(path.slice(GIVEN.length)) : undefined;
  }

  /** The path of a new private database in memory. @param {Uint8Array} [content] its own from now on */
  privatePath(content) {
    const name = `${this.#nextPrivate++}`;
    if (content) this.#private.put(name, content);
    return `:memory:${name}`;
  }

  /** The path of a database that is given to the page; releasing it forgets it. @param {import('../vfs/given.js').Gift} gift */
  given(gift) {
    return GIVEN + this.#given.add(gift);
  }
}

/** @returns {Kind} */
function usualKind() {
  return OpfsStorage.available || !IndexedDbStorage.available ? 'opfs' : 'indexeddb';
}
