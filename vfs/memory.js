/** Files in memory: they live as long as the store, or, when it is private, until their database is released. */

import { CAP_MEMORY, CAP_OWNED, OPEN_CREATE, OPEN_MEMORY } from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, isDatabase, Storage, StoredFile } from './base.js';

/** A growable array of bytes. */
export class MemoryFile extends StoredFile {
  #size;

  /** @param {Uint8Array} [bytes] */
  constructor(bytes = new Uint8Array(0)) {
    super();
    this.bytes = bytes;
    this.#size = bytes.length;
  }

  /** @override */
  get size() {
    return this.#size;
  }

  /** @override @returns {number} */
  get capabilities() {
    return CAP_OWNED | CAP_MEMORY;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.#size - at));
    if (n) into.set(this.bytes.subarray(at, at + n));
    return n;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    if (at + from.length > this.#size) this.truncate(at + from.length);
    this.bytes.set(from, at);
    return 0;
  }

  /** @override @param {number} size */
  truncate(size) {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, 65536));
      grown.set(this.bytes.subarray(0, this.#size));
      this.bytes = grown;
    } else if (size < this.#size) {
      this.bytes.fill(0, size, this.#size);
    }
    this.#size = size;
    return 0;
  }
}

export class MemoryStorage extends Storage {
  /** @type {Map<string, MemoryFile>} */ #files = new Map();
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
    this.#forget(name);
    this.#files.set(name, new MemoryFile(bytes));
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    let file = this.#files.get(name);
    if (!file) {
      if (!(flags & (OPEN_CREATE | OPEN_MEMORY))) return CANTOPEN;
      file = new MemoryFile();
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
