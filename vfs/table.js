/**
 * What the kernel imports as its file system: descriptors of open files, each from the store its name belongs to.
 *
 * A store is mounted under a prefix, and '' takes every other name:
 *
 *   NAME                          STORE
 *   (OPEN_TEMP)                   a nameless file in memory
 *   ":memory:7", "indexeddb:…"    what is mounted there, under the rest of the name
 *   anything else                 what is mounted under ''
 */

import { OPEN_MEMORY, OPEN_TEMP } from '../base/abi.js';
import { cannotOpen, failureCode, IOERR, NOMEM, Storage, StoredFile } from './base.js';
import { MemoryFile } from './memory.js';

const MAX_FILES = 1 << 20;

export class FileTable {
  /** @type {(StoredFile | undefined)[]} by descriptor */ #files = [];
  /** @type {number[]} */ #free = [];
  /** What a call of the kernel's failed with last, for diagnosis. @type {unknown} */ lastError = undefined;

  /** @param {Record<string, Storage>} mounts by prefix */
  constructor(mounts) {
    this.mounts = mounts;
    this.prefixes = Object.keys(mounts).filter(Boolean);
  }

  /** The prefix a name has. @param {string} name */
  #prefixOf(name) {
    return this.prefixes.find((prefix) => name.startsWith(prefix)) ?? '';
  }

  /** The store a name belongs to, and what the store calls it. @param {string} name @returns {[Storage, string]} */
  #find(name) {
    const prefix = this.#prefixOf(name);
    const store = this.mounts[prefix];
    if (!store) throw cannotOpen(name, 'there is no such store');
    return [store, name.slice(prefix.length)];
  }

  // --- databases: see Storage ------------------------------------------------------------------------

  /** @param {string} name @param {{create?: boolean}} [options] */
  async acquire(name, options) {
    const [store, rest] = this.#find(name);
    await store.acquire(rest, options);
  }

  /** @param {string} name */
  async release(name) {
    const [store, rest] = this.#find(name);
    await store.release(rest);
  }

  /** The databases of a store. @param {string} prefix */
  list(prefix) {
    return this.#find(prefix)[0].list();
  }

  /** @param {string} name */
  async remove(name) {
    const [store, rest] = this.#find(name);
    await store.remove(rest);
  }

  /** @param {string} name */
  settled(name) {
    const [store, rest] = this.#find(name);
    return store.settled(rest);
  }

  /** @param {string} name @param {Blob} content */
  async replace(name, content) {
    const [store, rest] = this.#find(name);
    await store.replace(rest, content);
  }

  /** @param {string} name */
  contentOf(name) {
    const [store, rest] = this.#find(name);
    return store.contentOf(rest);
  }

  // --- what the kernel calls ---------------------------------------------------------------------------

  /** A descriptor >= 0 or a negative code. @param {string} name @param {number} flags */
  open(name, flags) {
    const isNameless = flags & OPEN_TEMP || (flags & OPEN_MEMORY && this.#prefixOf(name) === '');
    if (isNameless) return this.#add(new MemoryFile());
    const [store, rest] = this.#find(name);
    const file = store.open(rest, flags);
    return typeof file === 'number' ? file : this.#add(file);
  }

  /** @param {StoredFile} file */
  #add(file) {
    const fd = this.#free.pop() ?? this.#files.length;
    if (fd >= MAX_FILES) return NOMEM;
    this.#files[fd] = file;
    return fd;
  }

  /** @param {number} fd */
  #file(fd) {
    const file = this.#files[fd];
    if (!file) throw new Error(`descriptor ${fd} is closed`);
    return file;
  }

  /** @param {number} fd */
  close(fd) {
    this.#files[fd]?.close();
    this.#files[fd] = undefined;
    this.#free.push(fd);
  }

  /** @param {string} name */
  delete(name) {
    const [store, rest] = this.#find(name);
    return store.delete(rest);
  }

  /** @param {string} name */
  exists(name) {
    const [store, rest] = this.#find(name);
    return store.exists(rest);
  }

  /** @param {number} fd @param {Uint8Array} into @param {number} at */
  read(fd, into, at) {
    return this.#file(fd).read(into, at);
  }

  /** @param {number} fd @param {Uint8Array} from @param {number} at */
  write(fd, from, at) {
    return this.#file(fd).write(from, at);
  }

  /** @param {number} fd @param {number} size */
  truncate(fd, size) {
    return this.#file(fd).truncate(size);
  }

  /** @param {number} fd */
  sync(fd) {
    return this.#file(fd).sync();
  }

  /** @param {number} fd */
  size(fd) {
    return this.#file(fd).size;
  }

  /** @param {number} fd @param {number} level */
  lock(fd, level) {
    return this.#file(fd).lock(level);
  }

  /** @param {number} fd @param {number} level */
  unlock(fd, level) {
    this.#file(fd).unlock(level);
  }

  /** @param {number} fd */
  checkReserved(fd) {
    return this.#file(fd).checkReserved();
  }

  /** @param {number} fd */
  moved(fd) {
    return this.#file(fd).moved();
  }

  /** @param {number} fd */
  capabilities(fd) {
    return this.#file(fd).capabilities;
  }

  /** The result code of something a call threw. @param {unknown} error */
  failure(error) {
    this.lastError = error;
    return failureCode(error) || IOERR;
  }
}
