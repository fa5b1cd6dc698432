/** Files in memory: they live as long as the store, or, when it is private, until their database is released. */

import { OPEN_CREATE, OPEN_MEMORY } from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, isDatabase, Storage } from './base.js';
import { KeptFile } from './history.js';
import { MemoryFile } from './memory_file.js';

export class MemoryStorage extends Storage {
  /** @type {Map<string, import('./base.js').StoredFile>} */ #files = new Map();
  /** @type {Map<string, number>} */ #users = new Map();
  #private;

  /** @param {{private?: boolean}} [options] private: a database is forgotten when it is released */
  constructor({ private: isPrivate = false } = {}) {
    super();
    this.#private = isPrivate;
  }

  /** @override */
  get isShared() {
    return !this.#private;
  }

  /** @override */
  get keepsHistory() {
    return true;
  }

  /** @override @param {string} name @param {{create?: boolean}} [options] */
  async acquire(name, { create = true } = {}) {
    if (name === '') throw cannotOpen('""', 'a database needs a name');
    if (!create && !this.#files.has(name)) throw cannotOpen(name, 'there is no such database in memory');
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
  }

  /** @override @param {string} name */
  async release(name) {
    const users = (this.#users.get(name) ?? 1) - 1;
    this.#users.set(name, users);
    if (users > 0) return;
    this.#users.delete(name);
    if (this.#private) this.#forget(name);
  }

  /** @param {string} name */
  #forget(name) {
    for (const suffix of ['', ...COMPANIONS]) this.#files.delete(name + suffix);
  }

  /** @override */
  async list() {
    return [...this.#files.keys()].filter(isDatabase);
  }

  /** @override @param {string} name */
  async remove(name) {
    if (this.#users.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    this.#forget(name);
  }

  /** @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    const before = this.#files.get(name);
    if (before instanceof KeptFile && before.isNeeded) {
      before.truncate(0);
      before.write(bytes, 0);
    } else this.put(name, bytes);
    for (const suffix of COMPANIONS) this.#files.delete(name + suffix);
  }

  /** A database with this content; the array is its own from now on. @param {string} name @param {Uint8Array} bytes */
  put(name, bytes) {
    this.#files.set(name, new KeptFile(new MemoryFile(bytes)));
  }

  /** @override @param {string} name @returns {Promise<KeptFile>} */
  async history(name) {
    const file = /** @type {KeptFile} */ (this.open(name, OPEN_CREATE));
    if (!file.isLasting) file.load(new MemoryFile());
    return file;
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    let file = this.#files.get(name);
    if (!file) {
      if (!(flags & (OPEN_CREATE | OPEN_MEMORY))) return CANTOPEN;
      file = isDatabase(name) ? new KeptFile(new MemoryFile()) : new MemoryFile();
      this.#files.set(name, file);
    }
    return file;
  }

  /** @override @param {string} name */
  delete(name) {
    this.#files.delete(name);
    return 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return this.#files.has(name);
  }
}
