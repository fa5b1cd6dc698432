/**
 * Files of the operating system, in Node, locked as SQLite locks them, so that other processes may use them at the same time.
 *
 *   BYTE              MEANING (https://sqlite.org/lockingv3.html)
 *   0x40000000        PENDING: write-locked by a writer waiting for readers; readers take it for a moment
 *   0x40000001        RESERVED: write-locked by the one connection that prepares changes
 *   0x40000002 (510)  SHARED: read-locked by every reader, write-locked for EXCLUSIVE
 *
 * Invariant:
 *   D1  A new file's folder is synced with the file's first sync, and when a file is deleted durably.
 */

import {
  CAP_READONLY,
  CAP_SHARED,
  CAP_STEPS,
  LOCK_EXCLUSIVE,
  LOCK_NONE,
  LOCK_PENDING,
  LOCK_RESERVED,
  LOCK_SHARED,
  OPEN_CREATE,
  OPEN_READONLY,
} from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, IOERR, READONLY, Storage, StoredFile } from './base.js';
import { DiskIndex } from './disk_index.js';
import { FileLocks, READ, range, UNLOCKED, WRITE } from './disk_locks.js';
import { builtin, isNode, sleepNow } from './node.js';

const PENDING = 0x40000000;
const SHARED_SIZE = 510;
const PENDING_READ = range(READ, PENDING, 1);
const PENDING_WRITE = range(WRITE, PENDING, 1);
const PENDING_FREE = range(UNLOCKED, PENDING, 1);
const RESERVED_WRITE = range(WRITE, PENDING + 1, 1);
const BOTH_FREE = range(UNLOCKED, PENDING, 2);
const SHARED_READ = range(READ, PENDING + 2, SHARED_SIZE);
const SHARED_WRITE = range(WRITE, PENDING + 2, SHARED_SIZE);
const ALL_WRITE = range(WRITE, PENDING, 2 + SHARED_SIZE);
const ALL_FREE = range(UNLOCKED, PENDING, 2 + SHARED_SIZE);
const BUSY = -SQLITE_BUSY;

class DiskFile extends StoredFile {
  #fs = builtin('node:fs');
  #level = LOCK_NONE;
  /** @type {DiskIndex | null} */ #index = null;

  /** @param {number} fd @param {string} path @param {FileLocks} locks @param {{created: boolean, readonly: boolean}} how */
  constructor(fd, path, locks, { created, readonly }) {
    super();
    this.fd = fd;
    this.path = path;
    this.locks = locks;
    this.created = created;
    this.readonly = readonly;
  }

  /** @override @returns {number} */
  get capabilities() {
    return (this.readonly ? CAP_READONLY : 0) | CAP_SHARED | CAP_STEPS;
  }

  /** @override */
  get size() {
    return this.#fs.fstatSync(this.fd).size;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    let done = 0;
    while (done < into.length) {
      const n = this.#fs.readSync(this.fd, into, done, into.length - done, at + done);
      if (n === 0) break;
      done += n;
    }
    return done;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    if (this.readonly) return READONLY;
    let done = 0;
    while (done < from.length) done += this.#fs.writeSync(this.fd, from, done, from.length - done, at + done);
    return 0;
  }

  /** @override @param {number} size */
  truncate(size) {
    if (this.readonly) return READONLY;
    this.#fs.ftruncateSync(this.fd, size);
    return 0;
  }

  /** @override */
  sync() {
    this.#fs.fdatasyncSync(this.fd);
    if (this.created) syncFolder(this.path); // D1
    this.created = false;
    return 0;
  }

  /** @override @param {number} level */
  lock(level) {
    if (level <= this.#level) return 0;
    if (level === LOCK_EXCLUSIVE && this.#level === LOCK_NONE) return this.#take(ALL_WRITE, level);
    if (level === LOCK_SHARED) return this.#lockShared();
    if (this.#level === LOCK_NONE) return IOERR; // a write lock needs a shared lock first
    if (level === LOCK_RESERVED) return this.#take(RESERVED_WRITE, level);
    if (this.#level < LOCK_PENDING && this.#take(PENDING_WRITE, LOCK_PENDING) !== 0) return BUSY;
    return level === LOCK_PENDING ? 0 : this.#take(SHARED_WRITE, level);
  }

  /** @param {import('./disk_locks.js').Range} range @param {number} level that it gives */
  #take(range, level) {
    if (!this.locks.set(this.fd, range)) return BUSY;
    this.#level = level;
    return 0;
  }

  /** PENDING is held for the moment, so that a waiting writer goes first. */
  #lockShared() {
    if (!this.locks.set(this.fd, PENDING_READ)) return BUSY;
    try {
      return this.#take(SHARED_READ, LOCK_SHARED);
    } finally {
      this.locks.set(this.fd, PENDING_FREE);
    }
  }

  /** @override @param {number} level */
  unlock(level) {
    if (this.#level <= level) return;
    if (level === LOCK_SHARED) {
      this.locks.set(this.fd, SHARED_READ);
      this.locks.set(this.fd, BOTH_FREE);
    } else {
      this.locks.set(this.fd, ALL_FREE);
    }
    this.#level = level;
  }

  /** @override */
  checkReserved() {
    return this.#level >= LOCK_RESERVED || this.locks.isTaken(this.fd, RESERVED_WRITE) ? 1 : 0;
  }

  /** @override */
  moved() {
    const named = this.#fs.statSync(this.path, { throwIfNoEntry: false });
    const { dev, ino } = this.#fs.fstatSync(this.fd);
    return named?.dev === dev && named?.ino === ino ? 0 : 1;
  }

  /** @override */
  close() {
    this.shmClose(false);
    this.#fs.closeSync(this.fd); // its locks go with it
  }

  // --- the shared index of its log: what the kernel calls of files with CAP_SHARED -------------------------------

  shmOpen() {
    if (this.moved()) return CANTOPEN;
    const mode = this.#fs.fstatSync(this.fd).mode & 0o777;
    this.#index ??= DiskIndex.open(`${this.path}-shm`, mode, this.locks);
    return this.#index ? 0 : BUSY;
  }

  /** @param {boolean} remove */
  shmClose(remove) {
    this.#index?.close(remove);
    this.#index = null;
  }

  get #opened() {
    if (!this.#index) throw new Error('the index of the log is not open');
    return this.#index;
  }

  /** @param {number} first @param {number} n @param {number} how */
  shmLock(first, n, how) {
    return this.#opened.lock(first, n, how) ? 0 : BUSY;
  }

  /** @param {Uint8Array} into @param {number} at */
  shmRead(into, at) {
    this.#opened.read(into, at);
    return 0;
  }

  /** @param {Uint8Array} from @param {number} at */
  shmWrite(from, at) {
    this.#opened.write(from, at);
    return 0;
  }
}

/** Make the entry of a file in its folder durable. @param {string} path */
function syncFolder(path) {
  const fs = builtin('node:fs');
  const fd = fs.openSync(builtin('node:path').dirname(path), 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

export class DiskStorage extends Storage {
  #folder;
  /** @type {FileLocks | null} */ #locks = null;
  /** @type {Map<string, number>} */ #users = new Map();

  /** @param {string} [folder] where relative names lead to; default: the current one */
  constructor(folder = '') {
    super();
    this.#folder = folder;
  }

  /** Whether there are such files here. */
  static get available() {
    return isNode;
  }

  /** @override */
  get isOfProcesses() {
    return true;
  }

  /** @override */
  get sleep() {
    return sleepNow;
  }

  /** @override @param {string} name */
  resolve(name) {
    return name && builtin('node:path').resolve(this.#folder, name);
  }

  get #fs() {
    return builtin('node:fs');
  }

  /** @param {string} path @throws {SqlError} SQLITE_CANTOPEN where files cannot be locked */
  #locksFor(path) {
    try {
      this.#locks ??= FileLocks.load();
    } catch (error) {
      throw cannotOpen(path, error);
    }
    return this.#locks;
  }

  /** @override @param {string} name @param {{create?: boolean}} [options] */
  acquireNow(name, { create = true } = {}) {
    const path = this.resolve(name);
    this.#locksFor(path);
    if (name === '') throw cannotOpen('""', 'a database needs a name');
    const found = this.#fs.statSync(path, { throwIfNoEntry: false });
    if (!found && !create) throw cannotOpen(path, 'there is no such file');
    if (found?.isDirectory()) throw cannotOpen(path, 'it is a folder');
    if (!found && !this.#fs.existsSync(builtin('node:path').dirname(path)))
      throw cannotOpen(path, 'there is no such folder');
    this.#users.set(path, (this.#users.get(path) ?? 0) + 1);
  }

  /** @override @param {string} name @param {{create?: boolean}} [options] */
  async acquire(name, options) {
    this.acquireNow(name, options);
  }

  /** @override @param {string} name */
  async release(name) {
    const path = this.resolve(name);
    const users = (this.#users.get(path) ?? 1) - 1;
    if (users > 0) this.#users.set(path, users);
    else this.#users.delete(path);
  }

  /** The files of the folder. @override */
  async list() {
    const entries = this.#fs.readdirSync(this.#folder || '.', { withFileTypes: true });
    return entries
      .filter(
        (/** @type {any} */ entry) =>
          entry.isFile() && ![...COMPANIONS, '-shm'].some((suffix) => entry.name.endsWith(suffix)),
      )
      .map((/** @type {{name: string}} */ { name }) => name);
  }

  /** @override @param {string} name */
  async remove(name) {
    this.#alone(name, (path) => {
      for (const suffix of ['', ...COMPANIONS, '-shm']) this.#fs.rmSync(path + suffix, { force: true });
      syncFolder(path);
    });
  }

  /** The new file takes the place of the old one at once. @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    this.#alone(
      name,
      (path) => {
        const next = `${path}-next`;
        const { mode } = this.#fs.statSync(path, { throwIfNoEntry: false }) ?? { mode: 0o644 };
        this.#fs.writeFileSync(next, bytes, { flush: true, mode: mode & 0o777 });
        for (const suffix of [...COMPANIONS, '-shm']) this.#fs.rmSync(path + suffix, { force: true });
        this.#fs.renameSync(next, path);
        syncFolder(path);
      },
      true,
    );
  }

  /**
   * Change a file that nobody uses.
   * @param {string} name @param {(path: string) => void} act @param {boolean} [acquired] it is acquired here
   * @throws {SqlError} SQLITE_BUSY
   */
  #alone(name, act, acquired = false) {
    const path = this.resolve(name);
    if ((this.#users.get(path) ?? 0) > (acquired ? 1 : 0))
      throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    const file = this.open(path, 0);
    try {
      if (typeof file !== 'number' && file.lock(LOCK_EXCLUSIVE) !== 0) {
        throw new SqlError(`database is locked: ${name} is open in another process`, SQLITE_BUSY);
      }
      act(path);
    } finally {
      if (typeof file !== 'number') file.close();
    }
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    const path = this.resolve(name);
    const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = this.#fs.constants;
    /** @param {number} how */
    const opened = (how) => {
      const created = (how & O_CREAT) !== 0;
      const readonly = how === O_RDONLY;
      return new DiskFile(this.#fs.openSync(path, how, 0o644), path, this.#locksFor(path), { created, readonly });
    };
    if (flags & OPEN_READONLY) return attempt(() => opened(O_RDONLY));
    const file = attempt(() => opened(O_RDWR));
    if (file !== CANTOPEN) return file;
    if (this.#fs.existsSync(path)) return attempt(() => opened(O_RDONLY));
    return flags & OPEN_CREATE ? attempt(() => opened(O_RDWR | O_CREAT | O_EXCL)) : CANTOPEN;
  }

  /** @override @param {string} name @param {boolean} durable */
  delete(name, durable) {
    const path = this.resolve(name);
    const existed = this.#fs.existsSync(path);
    this.#fs.rmSync(path, { force: true });
    if (durable && existed) syncFolder(path);
    return 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return this.#fs.existsSync(this.resolve(name));
  }
}

/** @param {() => DiskFile} act */
function attempt(act) {
  try {
    return act();
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM', 'EROFS', 'EISDIR', 'EEXIST'].includes(/** @type {any} */ (error).code))
      return CANTOPEN;
    throw error;
  }
}
