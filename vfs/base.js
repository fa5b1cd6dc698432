/**
 * The storage interface of the kernel in JavaScript (kernel/base/vfs.py names the contract V1-V5).
 *
 * All methods are synchronous. They return a negative SQLite result code, or throw, on failure; `failure` turns what was
 * thrown into a code. File descriptors are small integers the VFS chooses.
 */

export {
  CAP_MEMORY,
  CAP_OWNED,
  CAP_READONLY,
  OPEN_CREATE,
  OPEN_MEMORY,
  OPEN_READONLY,
  OPEN_TEMP,
} from '../base/abi.js';

/** Suffixes of the files that belong to a database. */
export const COMPANIONS = ['-journal', '-wal'];

export const NOMEM = -7;
export const IOERR = -10;
export const FULL = -13;
export const CANTOPEN = -14;

export class Vfs {
  /** What `failure` was last given, for diagnosis. @type {unknown} */ lastError = undefined;

  /** Open a file: a descriptor >= 0 or a negative code. @param {string} name @param {number} flags @returns {number} */
  open(name, flags) {
    throw new Error(`${this.constructor.name} does not implement open(${name}, ${flags})`);
  }

  /** @param {number} fd */
  close(fd) {
    void fd;
  }

  /** Delete a file; what does not exist is deleted already. @param {string} name @returns {number} */
  delete(name) {
    void name;
    return IOERR;
  }

  /** @param {string} name @returns {boolean} */
  exists(name) {
    void name;
    return false;
  }

  /** Read into `into`; the bytes read, fewer only at the end. @param {number} fd @param {Uint8Array} into @param {number} at @returns {number} */
  read(fd, into, at) {
    void [fd, into, at];
    return IOERR;
  }

  /** Write all of `from`: 0 or a negative code. @param {number} fd @param {Uint8Array} from @param {number} at @returns {number} */
  write(fd, from, at) {
    void [fd, from, at];
    return IOERR;
  }

  /** @param {number} fd @param {number} size @returns {number} */
  truncate(fd, size) {
    void [fd, size];
    return IOERR;
  }

  /** @param {number} fd @returns {number} */
  sync(fd) {
    void fd;
    return 0;
  }

  /** @param {number} fd @returns {number} */
  size(fd) {
    void fd;
    return IOERR;
  }

  /** @param {number} fd @param {number} level @returns {number} */
  lock(fd, level) {
    void [fd, level];
    return 0;
  }

  /** @param {number} fd @param {number} level */
  unlock(fd, level) {
    void [fd, level];
  }

  /** @param {number} fd @returns {number} */
  checkReserved(fd) {
    void fd;
    return 0;
  }

  /** CAP_* bits. @param {number} fd @returns {number} */
  capabilities(fd) {
    void fd;
    return 0;
  }

  /** A copy of a file. @param {string} name @returns {Uint8Array<ArrayBuffer>} */
  contentOf(name) {
    throw new Error(`${this.constructor.name} does not implement contentOf(${name})`);
  }

  /**
   * Put `content` in the place of a database that nobody has open; its journal and log go away. All or nothing.
   * @param {string} name @param {Blob} content @returns {Promise<void>}
   */
  async replace(name, content) {
    throw new Error(`${this.constructor.name} does not implement replace(${name}, ${content.size} bytes)`);
  }

  /** A private database is closed. @param {string} name */
  forget(name) {
    void name;
  }

  /** The result code of something thrown. @param {unknown} error @returns {number} */
  failure(error) {
    this.lastError = error;
    if (error instanceof RangeError) return NOMEM; // a typed array that the engine could not allocate
    return error instanceof Error && error.name === 'QuotaExceededError' ? FULL : IOERR;
  }
}
