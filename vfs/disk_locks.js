/**
 * Locks on ranges of a file's bytes, which Node itself has none of: fcntl, called through koffi (docs/decisions/0057).
 *
 * They are open-file-description locks: they belong to a descriptor, conflict with the POSIX locks of SQLite's processes, and closing
 * another descriptor does not drop them.
 */

import { builtin, node } from './node.js';

export const UNLOCKED = 2;
export const READ = 0;
export const WRITE = 1;

/** Of Linux: https://man7.org/linux/man-pages/man2/fcntl_locking.2.html */
const F_OFD_GETLK = 36;
const F_OFD_SETLK = 37;
const FLOCK_SIZE = 32; // type i16, whence i16, start i64 at 8, length i64 at 16, pid i32
const TAKEN = ['EAGAIN', 'EACCES', 'EBADF']; // EBADF: a write lock on a descriptor that can only read

/** @typedef {{packed: Uint8Array}} Range bytes to be locked in one way, or unlocked */

/** @param {number} kind @param {number} start @param {number} length @returns {Range} */
export function range(kind, start, length) {
  const packed = new Uint8Array(FLOCK_SIZE);
  const view = new DataView(packed.buffer);
  view.setInt16(0, kind, true);
  view.setBigInt64(8, BigInt(start), true);
  view.setBigInt64(16, BigInt(length), true);
  return { packed };
}

export class FileLocks {
  #fcntl;
  #errno;
  /** @type {Set<number>} */ #taken;

  /** @param {any} koffi */
  constructor(koffi) {
    const fcntl = koffi.load(null).func('int fcntl(int fd, int command, ...)');
    this.#fcntl = (/** @type {number} */ fd, /** @type {number} */ command, /** @type {Uint8Array} */ packed) =>
      fcntl(fd, command, 'void *', packed);
    this.#errno = koffi.errno;
    this.#taken = new Set(TAKEN.map((name) => koffi.os.errno[name]));
  }

  /** Those of this system. @returns {FileLocks} @throws {Error} why there are none, and what to do */
  static load() {
    if (node.platform !== 'linux' || builtin('node:os').endianness() !== 'LE') {
      throw new Error(`files cannot be locked on ${node.platform} yet: storage "memory" works`);
    }
    return new FileLocks(requireKoffi());
  }

  /** Set or clear a lock without waiting; false when somebody else is in the way. @param {number} fd @param {Range} range */
  set(fd, { packed }) {
    if (this.#fcntl(fd, F_OFD_SETLK, packed) === 0) return true;
    if (!this.#taken.has(this.#errno())) throw this.#failure();
    return false;
  }

  /** Whether somebody else has a lock that conflicts with this one. @param {number} fd @param {Range} range */
  isTaken(fd, { packed }) {
    const asked = packed.slice();
    if (this.#fcntl(fd, F_OFD_GETLK, asked) !== 0) throw this.#failure();
    return asked[0] !== UNLOCKED;
  }

  #failure() {
    return new Error(`a file could not be locked: errno ${this.#errno()}`);
  }
}

/** From where this package is, or else from where the program runs. */
function requireKoffi() {
  const { createRequire } = builtin('node:module');
  const places = [import.meta.url, builtin('node:url').pathToFileURL(`${node.cwd()}/`).href];
  for (const place of places) {
    try {
      return createRequire(place)('koffi');
    } catch (error) {
      if (/** @type {any} */ (error).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  throw new Error('files are locked by means of the package "koffi": npm install koffi');
}
