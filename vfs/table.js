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

import { OPEN_CREATE, OPEN_MEMORY, OPEN_READONLY, OPEN_TEMP } from '../base/abi.js';
import { NotYet, SQLITE_BUSY, SQLITE_CANTOPEN } from '../base/errors.js';
import { cannotOpen, failureCode, GIVEN, IOERR, isLocked, isUrl, NOMEM, Storage, StoredFile } from './base.js';
import { MemoryFile } from './memory_file.js';

const MAX_FILES = 1 << 20;
/** How long a database is waited for that another worker owns. */
const PATIENCE_MS = 5000;
const PATIENCE_TO_REMOVE_MS = 500;

/**
 * @typedef {object} Claims who says whether databases of the origin may be acquired here
 * @property {(name: string, options: {signal: AbortSignal}) => Promise<boolean>} hold
 * @property {(name: string) => void} drop
 */
/** @typedef {{times: number, files: number}} Loan how often it was acquired, how many of its files are open */

export class FileTable {
  /** @type {(StoredFile | undefined)[]} by descriptor */ #files = [];
  /** @type {number[]} */ #free = [];
  /** Of lent files, by descriptor. @type {Record<number, string>} */ #names = {};
  /** What a call of the kernel's failed with last, for diagnosis. @type {unknown} */ lastError = undefined;
  /** How often names are acquired. @type {Map<string, number>} */ #acquired = new Map();
  /** Names acquired for ATTACH: given back when their last file is closed. @type {Map<string, Loan>} */ #lent =
    new Map();
  /** What is being replaced. @type {Map<string, Promise<void>>} */ #replacing = new Map();
  /** What is being given back. @type {Set<Promise<void>>} */ #returning = new Set();
  /** null: all of them may. @type {Claims | null} */ claims = null;
  /** Sleeps, where that can be, and says so. @type {((milliseconds: number) => number) | null} */ sleep = null;

  /** @param {Record<string, Storage>} mounts by prefix @param {string} usual the prefix of names that say none */
  constructor(mounts, usual = '') {
    this.mounts = mounts;
    this.usual = usual;
    this.prefixes = Object.keys(mounts).filter(Boolean);
  }

  /** @param {string} prefix @param {Storage} store */
  mount(prefix, store) {
    this.mounts[prefix] = store;
    this.prefixes.push(prefix);
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

  /** @param {string} name */
  isOfOrigin(name) {
    return this.#find(name)[0].isOfOrigin;
  }

  /** @param {string} name */
  keepsHistory(name) {
    return this.#find(name)[0].keepsHistory;
  }

  /** @param {string} name */
  isOfProcesses(name) {
    return this.#find(name)[0].isOfProcesses;
  }

  /** Run `act` as the owner of a database. @template T @param {string} name @param {number} patience milliseconds @param {() => Promise<T>} act @returns {Promise<T>} */
  async #owning(name, patience, act) {
    const claims = this.isOfOrigin(name) ? this.claims : null;
    if (claims && !(await claims.hold(name, { signal: AbortSignal.timeout(patience) }))) {
      throw isLocked(this.#find(name)[1]);
    }
    try {
      return await act();
    } catch (error) {
      claims?.drop(name);
      throw error;
    }
  }

  /** @param {string} name @param {Parameters<Storage['acquire']>[1]} [options] */
  async acquire(name, options) {
    const [store, rest] = this.#find(name);
    await this.#owning(name, PATIENCE_MS, () => store.acquire(rest, options));
    this.#acquired.set(name, (this.#acquired.get(name) ?? 0) + 1);
  }

  /** Once more, at once, what is acquired here already. @param {string} name */
  acquireAgain(name) {
    const [store, rest] = this.#find(name);
    const times = this.#acquired.get(name);
    if (!times) throw cannotOpen(name, 'its files must be acquired first');
    void store.acquire(rest); // it has nothing to wait for
    this.#acquired.set(name, times + 1);
  }

  /** @param {string} name */
  async release(name) {
    const [store, rest] = this.#find(name);
    const times = this.#acquired.get(name) ?? 0;
    if (times > 1) this.#acquired.set(name, times - 1);
    else this.#acquired.delete(name);
    try {
      await store.release(rest);
    } finally {
      if (store.isOfOrigin) this.claims?.drop(name);
    }
  }

  // --- databases that are attached ---------------------------------------------------------------------

  /**
   * What the kernel calls a database that a user calls `name`, and how to open it: a private one, or one in the store where `near` lies.
   * @param {string} name
   * @param {string} near the kernel's name of the main database, '': it is private
   * @param {number} flags of the main database
   * @throws {NotYet} until its files are acquired, and while they are replaced
   */
  locate(name, near, flags) {
    if (name === ':memory:' || name === '') return { name: '', flags: OPEN_CREATE | (name ? OPEN_MEMORY : OPEN_TEMP) };
    const nearby = this.#prefixOf(near);
    const prefix = isUrl(name) ? GIVEN : this.mounts[nearby]?.isShared ? nearby : this.usual;
    const store = this.mounts[prefix];
    const path = prefix + (store?.resolve(name) ?? name);
    const replacing = this.#replacing.get(path);
    if (replacing) throw new NotYet(`database is locked: ${name} is being replaced`, SQLITE_BUSY, () => replacing);
    if (!this.#acquired.get(path) && store?.isOfProcesses) this.#lendNow(store, name, path, flags);
    if (!this.#acquired.get(path)) {
      const message = `unable to open database: ${name}: its files must be acquired first (await attach)`;
      throw new NotYet(message, SQLITE_CANTOPEN, () => this.#lend(path, Boolean(flags & OPEN_CREATE)));
    }
    return { name: path, flags: flags & (OPEN_CREATE | OPEN_READONLY) };
  }

  /** @param {string} path @param {boolean} create */
  async #lend(path, create) {
    await this.acquire(path, { create });
    this.#noteLoan(path);
  }

  /** @param {Storage} store @param {string} name @param {string} path @param {number} flags */
  #lendNow(store, name, path, flags) {
    store.acquireNow(name, { create: Boolean(flags & OPEN_CREATE) });
    this.#acquired.set(path, 1);
    this.#noteLoan(path);
  }

  /** @param {string} path */
  #noteLoan(path) {
    const loan = this.#lent.get(path) ?? { times: 0, files: 0 };
    loan.times++;
    this.#lent.set(path, loan);
  }

  /** A file of that name was closed. @param {string} path */
  #closed(path) {
    const loan = this.#lent.get(path);
    if (!loan || --loan.files > 0) return;
    this.#lent.delete(path);
    for (let i = 0; i < loan.times; i++) {
      const returned = this.release(path).catch((error) => {
        this.lastError = error;
      });
      this.#returning.add(returned);
      returned.then(() => this.#returning.delete(returned));
    }
  }

  /** When everything that was lent is given back. */
  async returned() {
    await Promise.all(this.#returning);
  }

  /** The databases of a store. @param {string} prefix */
  list(prefix) {
    return this.#find(prefix)[0].list();
  }

  /** @param {string} name */
  async remove(name) {
    const [store, rest] = this.#find(name);
    await this.#owning(name, PATIENCE_TO_REMOVE_MS, () => store.remove(rest));
    if (store.isOfOrigin) this.claims?.drop(name);
  }

  /** @param {string} name */
  settled(name) {
    const [store, rest] = this.#find(name);
    return store.settled(rest);
  }

  /** @param {string} name */
  history(name) {
    const [store, rest] = this.#find(name);
    return store.history(rest);
  }

  /** @param {string} name */
  stage(name) {
    const [store, rest] = this.#find(name);
    return store.stage(rest);
  }

  /** @param {string} name @param {Blob | import('./staging.js').Staged} content */
  async replace(name, content) {
    const [store, rest] = this.#find(name);
    const replaced = content instanceof Blob ? store.replace(rest, content) : content.commit();
    const over = replaced.catch(() => undefined);
    this.#replacing.set(name, over);
    try {
      await replaced;
    } finally {
      this.#replacing.delete(name);
    }
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
    if (typeof file === 'number') return file;
    const fd = this.#add(file);
    const loan = this.#lent.get(name);
    if (loan && fd >= 0) {
      loan.files++;
      this.#names[fd] = name;
    }
    return fd;
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
    const name = this.#names[fd];
    if (name === undefined) return;
    delete this.#names[fd];
    this.#closed(name);
  }

  /** @param {string} name @param {boolean} durable */
  delete(name, durable) {
    const [store, rest] = this.#find(name);
    return store.delete(rest, durable);
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

  /** A file with CAP_SHARED. @param {number} fd @returns {any} */
  sharing(fd) {
    return this.#file(fd);
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
