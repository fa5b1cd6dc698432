/**
 * The index of a log that processes share: the file "-shm", and its locks. SQLite maps the file into memory; it is read and written here by
 * calls of the system, which on Linux go to the same pages.
 *
 *   BYTE        MEANING (https://sqlite.org/walformat.html section 2.3)
 *   120 to 127  the locks of the protocol
 *   128         read-locked by everybody who has the index open; who gets it for himself alone empties the file
 *
 * Invariant:
 *   X1  The file grows by whole regions, which the disk has: writing to a mapping that it has no room for would end another process.
 */

import { SHM_EXCLUSIVE, SHM_SHARED, SHM_UNLOCK } from '../base/abi.js';
import { READ, range, UNLOCKED, WRITE } from './disk_locks.js';
import { builtin, sleepNow } from './node.js';

const FIRST_LOCK = 120;
const REGION = 32768;
const HEADER = 48; // is read before what is behind it
/** @type {Record<number, number>} */
const KINDS = { [SHM_UNLOCK]: UNLOCKED, [SHM_SHARED]: READ, [SHM_EXCLUSIVE]: WRITE };
const OPEN_READ = range(READ, 128, 1);
const OPEN_WRITE = range(WRITE, 128, 1);

/** @type {Map<number, import('./disk_locks.js').Range>} */
const ranges = new Map();

/** @param {number} first @param {number} n @param {number} how */
function lockOf(first, n, how) {
  const key = (first << 8) | (n << 4) | how;
  const known = ranges.get(key) ?? range(KINDS[how], FIRST_LOCK + first, n);
  ranges.set(key, known);
  return known;
}

export class DiskIndex {
  #fs = builtin('node:fs');
  #size = 0;

  /** @param {number} fd @param {string} path @param {import('./disk_locks.js').FileLocks} locks */
  constructor(fd, path, locks) {
    this.fd = fd;
    this.path = path;
    this.locks = locks;
  }

  /** Open or make it; null while somebody empties it. @param {string} path @param {number} mode its permissions @param {import('./disk_locks.js').FileLocks} locks */
  static open(path, mode, locks) {
    const fs = builtin('node:fs');
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    const fd = fs.openSync(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode);
    try {
      if (locks.set(fd, OPEN_WRITE)) fs.ftruncateSync(fd, 0);
      if (locks.set(fd, OPEN_READ)) return new DiskIndex(fd, path, locks);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    fs.closeSync(fd);
    return null;
  }

  /** n = 0: wait for somebody who holds one for a moment. @param {number} first @param {number} n @param {number} how SHM_* @returns {boolean} */
  lock(first, n, how) {
    if (n > 0) return this.locks.set(this.fd, lockOf(first, n, how));
    sleepNow(1);
    return true;
  }

  /** @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const cut = at === 0 && into.length > HEADER ? HEADER : 0;
    if (cut) this.#fill(into.subarray(0, cut), 0);
    this.#fill(into.subarray(cut), at + cut);
  }

  /** @param {Uint8Array} into @param {number} at */
  #fill(into, at) {
    const n = this.#fs.readSync(this.fd, into, 0, into.length, at);
    if (n < into.length) into.fill(0, n);
  }

  /** @param {Uint8Array} from @param {number} at */
  write(from, at) {
    if (at + from.length > this.#size) this.#reach(at + from.length);
    this.#fs.writeSync(this.fd, from, 0, from.length, at);
  }

  /** X1. @param {number} size */
  #reach(size) {
    this.#size = this.#fs.fstatSync(this.fd).size;
    const wanted = Math.ceil(size / REGION) * REGION;
    if (this.#size < wanted)
      this.#fs.writeSync(this.fd, new Uint8Array(wanted - this.#size), 0, wanted - this.#size, this.#size);
    this.#size = Math.max(this.#size, wanted);
  }

  /** Give up everything; the file goes if nobody else has it open. @param {boolean} remove */
  close(remove) {
    if (remove) this.#fs.rmSync(this.path, { force: true });
    this.#fs.closeSync(this.fd);
  }
}
