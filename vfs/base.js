/**
 * Storage as the kernel sees it: files it reads and writes at once (kernel/base/vfs.py names the contract V1-V5), and stores that have them.
 *
 * A `Storage` owns the files of databases under names. What cannot be done at once happens before and after: `acquire` makes a database's
 * files ready, `settled` waits for what a store writes later, `release` gives them up. In between, every call is synchronous.
 *
 * Invariants:
 *   F1  Calls of a file return a negative SQLite result code, or throw, on failure; `failureCode` turns what was thrown into a code.
 *   F2  A database is acquired before its files are opened, by one owner in the whole origin; its own companions come with it.
 *   F3  `list`, `remove` and `acquire` know databases, not their companions.
 */

import { CAP_OWNED, OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_ERROR, SQLITE_FULL, SQLITE_READONLY, SqlError } from '../base/errors.js';
import { StagedBlob } from './staging.js';

/** Suffixes of the files that belong to a database. */
export const COMPANIONS = ['-journal', '-wal'];

/** The suffix of the file that keeps a database's snapshots (history.js). */
export const SNAPSHOTS = '-snapshots';

/** The prefix of databases that are given to the page (given.js). */
export const GIVEN = 'given://';

export const NOMEM = -7;
export const READONLY = -8;
export const IOERR = -10;
export const FULL = -13;
export const CANTOPEN = -14;

/** A file that is open. Nobody else has it, unless a subclass locks. */
export class StoredFile {
  /** CAP_* bits. */
  get capabilities() {
    return CAP_OWNED;
  }

  /** Bytes. */
  get size() {
    return 0;
  }

  /** Read into `into`; the bytes read, fewer only at the end. @param {Uint8Array} into @param {number} at @returns {number} */
  read(into, at) {
    void [into, at];
    return IOERR;
  }

  /** Write all of `from`, growing the file: 0 or a negative code. @param {Uint8Array} from @param {number} at @returns {number} */
  write(from, at) {
    void [from, at];
    return READONLY;
  }

  /** Cut the file, or grow it with zeros: 0 or a negative code. @param {number} size @returns {number} */
  truncate(size) {
    void size;
    return READONLY;
  }

  /** What was written survives a crash, at the latest when `Storage.settled` says so: 0 or a negative code. @returns {number} */
  sync() {
    return 0;
  }

  /** 0 or a negative code. @param {number} level @returns {number} */
  lock(level) {
    void level;
    return 0;
  }

  /** @param {number} level */
  unlock(level) {
    void level;
  }

  /** Whether anybody means to write: 1 or 0, or a negative code. @returns {number} */
  checkReserved() {
    return 0;
  }

  /** 1 if its name leads to it no more, else 0. @returns {number} */
  moved() {
    return 0;
  }

  close() {}
}

/** A store of files. The methods that are here do nothing: what a store can do it overrides. */
export class Storage {
  /** Whether names in it mean something outside of one connection. */
  get isShared() {
    return true;
  }

  /** Whether other tabs and workers of the origin have the same databases. */
  get isOfOrigin() {
    return false;
  }

  /** Whether other processes may use its files, which are locked then. */
  get isOfProcesses() {
    return false;
  }

  /** Whether its databases have snapshots. */
  get keepsHistory() {
    return false;
  }

  /** Sleeps while one of them has a file locked. @type {((milliseconds: number) => number) | null} */
  get sleep() {
    return null;
  }

  /** The one name of a database that has several. @param {string} name @returns {string} */
  resolve(name) {
    return name;
  }

  // --- databases, asynchronous -----------------------------------------------------------------------

  /**
   * Own a database's files until `release`; several owners in this worker share them.
   * @param {string} name
   * @param {{create?: boolean, download?: boolean, signal?: AbortSignal}} [options] create: false: it must exist; the others: given.js
   * @returns {Promise<void>}
   * @throws {SqlError} SQLITE_BUSY when another tab or worker has it, SQLITE_CANTOPEN when it does not exist or has no possible name
   */
  async acquire(name, options) {
    void [name, options];
  }

  /** The same, at once, where that can be. @param {string} name @param {{create?: boolean}} [options] @returns {void} */
  acquireNow(name, options) {
    void [name, options];
    throw new Error('what is here must be waited for');
  }

  /** Give a database up, after its last connection was closed. Its files are free at once, what is empty is cleaned up later. @param {string} name */
  async release(name) {
    void name;
  }

  /** The names of the databases. @returns {Promise<string[]>} */
  async list() {
    return [];
  }

  /** Delete a database; what does not exist is deleted already. @param {string} name @throws {SqlError} SQLITE_BUSY when it is open somewhere */
  async remove(name) {
    throw readOnly(name);
  }

  /**
   * When everything synced so far is durable; nothing to wait for: undefined.
   * @param {string} name
   * @returns {Promise<void> | undefined}
   * @throws {SqlError} SQLITE_FULL, SQLITE_IOERR: it is not, nor will anything be until the database is released and acquired anew
   */
  settled(name) {
    void name;
    return undefined;
  }

  /**
   * Put `content` in the place of an acquired database that has no connection; its journal and log go away. All or nothing.
   * @param {string} name @param {Blob} content @returns {Promise<void>}
   */
  async replace(name, content) {
    void content;
    throw readOnly(name);
  }

  /**
   * The file of an acquired database, whose snapshots last as long as it (`keepsHistory`).
   * @param {string} name @returns {Promise<import('./history.js').KeptFile>} @throws {SqlError} there can be none here
   */
  async history(name) {
    throw new SqlError(
      `there are no snapshots of ${name}: only databases in OPFS, IndexedDB and memory have them`,
      SQLITE_ERROR,
    );
  }

  /** Begin to put a file that comes in parts in the place of an acquired database. @param {string} name @returns {Promise<import('./staging.js').Staged>} */
  async stage(name) {
    return new StagedBlob((content) => this.replace(name, content));
  }

  // --- files, synchronous ------------------------------------------------------------------------------

  /** Open a file of an acquired database: a StoredFile or a negative code. @param {string} name @param {number} flags @returns {StoredFile | number} */
  open(name, flags) {
    void [name, flags];
    return CANTOPEN;
  }

  /**
   * Delete a file, if durable so that it survives a crash (kernel/base/vfs.py V3); what does not exist is deleted already: 0 or a negative code.
   * @param {string} name @param {boolean} durable @returns {number}
   */
  delete(name, durable) {
    void [name, durable];
    return READONLY;
  }

  /** @param {string} name @returns {boolean} */
  exists(name) {
    void name;
    return false;
  }

  /** A copy of a file. @param {string} name @returns {Uint8Array<ArrayBuffer>} */
  contentOf(name) {
    const file = this.open(name, OPEN_CREATE);
    if (typeof file === 'number') throw new SqlError(`unable to open database file: ${name}`, SQLITE_CANTOPEN);
    const bytes = new Uint8Array(file.size);
    file.read(bytes, 0);
    return bytes;
  }
}

/** The browser has no room. */
export class FullError extends SqlError {
  /** @param {number} bytes that were to be written @param {unknown} [cause] */
  constructor(bytes, cause) {
    super('database or disk is full', SQLITE_FULL, -1, { cause });
    this.bytes = bytes;
  }
}

/** The result code of something thrown. @param {unknown} error @returns {number} */
export function failureCode(error) {
  if (error instanceof SqlError) return -error.errcode;
  if (error instanceof RangeError) return NOMEM; // a typed array that the engine could not allocate
  if (!(error instanceof Error)) return IOERR;
  const { code } = /** @type {{code?: string}} */ (error); // of Node's
  if (code === 'ENOSPC' || code === 'EDQUOT') return FULL;
  return error.name === 'QuotaExceededError' ? FULL : error.name === 'NotFoundError' ? CANTOPEN : IOERR;
}

/** Whether a name is a database's own. @param {string} name */
export function isDatabase(name) {
  return ![...COMPANIONS, SNAPSHOTS].some((suffix) => name.endsWith(suffix));
}

/** Whether a name is a URL to be read (remote.js). @param {string} name */
export function isUrl(name) {
  return /^https?:\/\//i.test(name);
}

/** @param {string} name @param {unknown} [cause] */
export function isLocked(name, cause) {
  return new SqlError(`database is locked: ${name} is open in another tab or worker`, SQLITE_BUSY, -1, { cause });
}

/** @param {string} name @param {unknown} why */
export function cannotOpen(name, why) {
  const reason = why instanceof Error ? why.message : String(why);
  const options = why instanceof Error ? { cause: why } : undefined;
  return new SqlError(`unable to open database file: ${name}: ${reason}`, SQLITE_CANTOPEN, -1, options);
}

/** @param {string} name */
function readOnly(name) {
  return new SqlError(`attempt to write a readonly database: ${name}`, SQLITE_READONLY);
}
