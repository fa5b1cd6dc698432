/** What an open database was before, and what may become of it beside it: snapshots and forks (docs/decisions/0071). */

import { SQLITE_BUSY, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { BLOCK } from '../vfs/blocks.js';
import { listed } from '../vfs/history.js';
import { ENCRYPTED, pageSizeIn } from './image.js';
import { check, NAME } from './page/check.js';
import { whenPossible } from './waiting.js';
import { WholeFile } from './whole_file.js';

/** What of an encrypted file's header says which key it has (turso_wasm/kernel/pager/encryption.py). */
const OF_KEYS = [
  [0, 16],
  [72, 92],
];

/** @typedef {import('../vfs/history.js').KeptFile} KeptFile */

export class Past extends WholeFile {
  /**
   * Keep the database as it is now, under a name. Whatever its size, nothing is copied: pages are kept when they are written.
   * @param {string} name
   * @returns {Promise<import('../vfs/history.js').Listed>}
   * @throws {SqlError} SQLITE_ERROR: there is one of that name, or a transaction is open; SQLITE_BUSY
   */
  async snapshot(name) {
    check('snapshot()', name, NAME);
    const history = await this.history();
    const taken = await whenPossible(() => this.take(history, name));
    await this.engine.files.settled(this.where.file);
    return listed(taken);
  }

  /** The snapshots there are, the oldest first. */
  async snapshots() {
    return (await this.history()).list();
  }

  /**
   * Make the database what it was at a snapshot, in one transaction.
   * @param {string} name
   * @throws {SqlError} SQLITE_ERROR: there is none of that name, a transaction is open, or pages have another size or key since; SQLITE_BUSY
   */
  async restore(name) {
    check('restore()', name, NAME);
    const past = await this.openPast(name);
    try {
      const history = await this.history();
      await whenPossible(() => this.become(past, history));
    } finally {
      await past.close();
    }
    await this.engine.files.settled(this.where.file);
    return this;
  }

  /** Forget a snapshot. Who has it open keeps it until it is closed. @param {string} name @throws {SqlError} SQLITE_ERROR: there is none of that name */
  async dropSnapshot(name) {
    check('dropSnapshot()', name, NAME);
    (await this.history()).drop(name);
    await this.engine.files.settled(this.where.file);
    return this;
  }

  /**
   * A database of its own that begins as this one is now. It is in memory, and gone when it is closed.
   * @returns {Promise<import('./database.js').HostDatabase>}
   * @throws {SqlError} SQLITE_ERROR in a transaction; SQLITE_BUSY
   */
  async fork() {
    const { engine, where } = this;
    if (!engine.files.keepsHistory(where.file)) return engine.openCopy(await whenPossible(() => this.copy()), where);
    const history = await this.history();
    return engine.openFork(where, history, await whenPossible(() => this.take(history, null)));
  }

  /** The file, with what is kept of it. */
  history() {
    void this.connection;
    return this.engine.files.history(this.where.file);
  }

  /** The database at a snapshot, read-only. @param {string} snapshot */
  openPast(snapshot) {
    return this.engine.openPast(this.where, snapshot);
  }

  /** Its content, for a fork. */
  copy() {
    this.#mustBeOutside('fork');
    return this.export();
  }

  // --- at once, or NotYet ------------------------------------------------------------------------------------

  /** @param {KeptFile} history @param {string | null} name null: a fork's */
  take(history, name) {
    this.#mustBeOutside(name === null ? 'fork' : 'take a snapshot');
    if (name !== null && !history.size) this.exec('PRAGMA main.user_version = 0'); // an empty file has no pages to be restored
    this.#settle();
    return history.take(name);
  }

  /** Become what `past` is. @param {WholeFile} past opened by openPast @param {KeptFile} history */
  become(past, history) {
    this.#mustBeOutside('restore');
    this.#settle();
    const snapshot = history.find(/** @type {string} */ (past.where.options.snapshot));
    const then = new Uint8Array(100);
    const now = new Uint8Array(100);
    history.readAs(snapshot, then, 0);
    history.read(now, 0);
    if (!isAlike(then, now)) {
      const how = 'connect to it, and import what it exports';
      throw new SqlError(`cannot restore: pages have another size or key since the snapshot: ${how}`, SQLITE_ERROR);
    }
    this.takePages(past, pagesOf(history.changed(snapshot), pageSizeIn(then)));
  }

  /** @param {string} what */
  #mustBeOutside(what) {
    if (this.inTransaction) throw new SqlError(`cannot ${what} within a transaction`, SQLITE_ERROR);
  }

  /** Bring into the file what is committed, while nobody writes. */
  #settle() {
    this.exec('BEGIN IMMEDIATE');
    this.exec('ROLLBACK');
    const { busy, log, checkpointed } = this.prepare('PRAGMA main.wal_checkpoint').get();
    if (!busy && log === checkpointed) return;
    throw new SqlError('database is locked: a statement still reads what it was before', SQLITE_BUSY);
  }
}

/** Pages in blocks, in order. @param {number[]} blocks @param {number} size of a page */
function pagesOf(blocks, size) {
  const numbers = new Set();
  for (const block of blocks) {
    for (let at = block * BLOCK; at < (block + 1) * BLOCK; at += Math.min(size, BLOCK)) {
      numbers.add(Math.floor(at / size) + 1);
    }
  }
  return numbers;
}

/** Whether pages of one file may stand in the other. @param {Uint8Array} a its header @param {Uint8Array} b */
function isAlike(a, b) {
  if (pageSizeIn(a) !== pageSizeIn(b)) return false;
  const isSecret = (/** @type {Uint8Array} */ header) => ENCRYPTED.test(String.fromCharCode(...header.subarray(0, 5)));
  if (!isSecret(a) && !isSecret(b)) return true;
  return OF_KEYS.every(([from, to]) => a.subarray(from, to).every((byte, i) => byte === b[from + i]));
}
