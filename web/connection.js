/** A connection in the kernel: what it keeps, by name, and its databases by slot. Knows nothing of statements and schemas. */

import { KernelConnection as C, DB_SCHEMA_COOKIE, N_SLOTS, TEMP_SLOT } from '../base/abi.js';

const SIZE = 5; // numbers of a TableSize (kernel/abi.py)

export class Connection {
  /**
   * Open a file.
   * @param {import('./kernel.js').Kernel} kernel
   * @param {string} file the kernel's path
   * @param {number} flags OPEN_*
   * @param {number} busyTimeout in milliseconds
   * @throws {SqlError} SQLITE_CANTOPEN
   */
  constructor(kernel, file, flags, busyTimeout) {
    this.kernel = kernel;
    this.address = kernel.call('connection_new') >>> 0;
    try {
      kernel.withText(file, (at, size) => kernel.call('connection_open', this.address, 0, at, size, flags));
    } catch (error) {
      this.free();
      throw error;
    }
    kernel.refresh().i32[(this.address + C.busy_timeout_ms) >>> 2] = busyTimeout;
  }

  /** The key of a database that it has not used yet; '': none. @param {number} slot @param {string} key @param {number} format */
  giveKey(slot, key, format) {
    const { kernel } = this;
    kernel.withText(key, (at, size) => {
      try {
        kernel.call('connection_key', this.address, slot, at, size, format);
      } finally {
        kernel.refresh().u8.fill(0, at, at + size);
      }
    });
  }

  /** Give the kernel's connection back; none of its statements may be left. */
  free() {
    this.kernel.call('connection_free', this.address);
  }

  // --- fields --------------------------------------------------------------------------------------

  /** @param {number} offset */
  #i32(offset) {
    return this.kernel.refresh().i32[(this.address + offset) >>> 2];
  }

  /** Whether a transaction is open (BEGIN without COMMIT). */
  get inTransaction() {
    return this.#i32(C.autocommit) === 0;
  }

  /** In milliseconds. */
  get busyTimeout() {
    return this.#i32(C.busy_timeout_ms);
  }

  /** How often it has read or changed its schemas. */
  get epoch() {
    return this.#i32(C.schema_epoch);
  }

  /** Bits that PRAGMAs set. */
  get settings() {
    return this.#i32(C.settings);
  }

  /** What changes are captured, '': none (catalog/capture.py Capture.text). */
  get capture() {
    const size = this.#i32(C.capture_size);
    return size ? this.kernel.text(this.#i32(C.capture) >>> 0, size) : '';
  }

  /** Whether the transaction under way has changes that were captured. */
  get hasCaptured() {
    return this.kernel.refresh().i64[(this.address + C.capture_txn) >>> 3] !== 0n;
  }

  /** UTF8, UTF16LE or UTF16BE. */
  get encoding() {
    return this.kernel.call('connection_encoding', this.address);
  }

  /** Rows that the last statement that changes any has changed, as changes() says. */
  get changes() {
    return Number(this.kernel.refresh().i64[(this.address + C.changes) >>> 3]);
  }

  /** Rows changed since it was opened. */
  get totalChanges() {
    return Number(this.kernel.refresh().i64[(this.address + C.total_changes) >>> 3]);
  }

  /**
   * What the last statement did.
   * @param {import('./program.js').Program} program
   * @param {import('./rows.js').Integers} integers
   * @returns {{changes: number, lastInsertRowid: number | bigint}}
   */
  outcome(program, integers) {
    // Halves of the 64-bit counters: a BigInt per inserted row would be a tenth of its time.
    const { i32, u32, i64 } = this.kernel.refresh();
    const at = (this.address + C.last_insert_rowid) >>> 2;
    const changes = (this.address + C.changes) >>> 2;
    const high = i32[at + 1];
    const small = high >= -0x200000 && high < 0x200000;
    return {
      changes: program.counts_changes ? i32[changes + 1] * 4294967296 + u32[changes] : 0,
      lastInsertRowid: small && integers !== 'bigint' ? high * 4294967296 + u32[at] : i64[at >>> 1],
    };
  }

  /** Whether CALL_COMMIT asks before each commit. @param {boolean} on */
  asksBeforeCommit(on) {
    this.kernel.refresh().i32[(this.address + C.commit_hook) >>> 2] = on ? 1 : 0;
  }

  #rollbacks = 0;

  /** How many transactions were rolled back since it was asked last. */
  takeRollbacks() {
    const before = this.#rollbacks;
    this.#rollbacks = this.#i32(C.rollbacks);
    return this.#rollbacks - before;
  }

  /** Let what was interrupted be over: statements run again. */
  clearInterrupt() {
    this.kernel.refresh().i32[(this.address + C.interrupted) >>> 2] = 0;
  }

  /** Make a running statement stop with SQLITE_INTERRUPT. */
  interrupt() {
    this.kernel.refresh().i32[(this.address + C.interrupted) >>> 2] = 1;
  }

  /** What a Program that was refused because of the sizes of tables has found: [slot, root, class], once. @returns {[number, number, number][]} */
  takeSizes() {
    const { i32, u32 } = this.kernel.refresh();
    const n = i32[(this.address + C.n_sizes) >>> 2];
    const at = u32[(this.address + C.sizes) >>> 2] >>> 2;
    i32[(this.address + C.n_sizes) >>> 2] = 0;
    return Array.from({ length: n }, (_, i) => [i32[at + i * SIZE], u32[at + i * SIZE + 1], i32[at + i * SIZE + 4]]);
  }

  /** How long to wait for a lock before the next attempt, 0: no longer. @param {number} attempts so far @returns {number} milliseconds */
  busyDelay(attempts) {
    return this.kernel.call('busy_delay', this.address, attempts);
  }

  // --- databases by slot ----------------------------------------------------------------------------

  /** Whether a database is open in a slot. (The temp database is made when it is needed.) @param {number} slot */
  isOpen(slot) {
    return this.kernel.refresh().i32[((this.address + C.pagers) >>> 2) + slot] !== 0;
  }

  /** The file in a slot, as the kernel calls it: '' for a private one, null where none is open. @param {number} slot */
  fileOf(slot) {
    if (!this.isOpen(slot)) return null;
    const name = BigInt.asUintN(64, this.kernel.call('database_name', this.address, slot));
    return this.kernel.text(Number(name & 0xffffffffn), Number(name >> 32n));
  }

  /** A number of a database's: DB_*. @param {number} slot @param {number} field */
  get(slot, field) {
    return Number(this.kernel.call('database_get', this.address, slot, field));
  }

  /** The schema cookies, by slot. */
  cookies() {
    return Array.from({ length: N_SLOTS }, (_, slot) => (this.isOpen(slot) ? this.get(slot, DB_SCHEMA_COOKIE) : 0));
  }

  /** Main, temp, then the attached ones in order of attachment. */
  databases() {
    const { kernel, address } = this;
    const { u32 } = kernel.refresh();
    const field = (/** @type {number} */ offset, /** @type {number} */ slot) => u32[((address + offset) >>> 2) + slot];
    const attached = Array.from({ length: N_SLOTS }, (_, slot) => ({ slot, order: field(C.orders, slot) }))
      .filter(({ slot }) => slot > TEMP_SLOT && field(C.names, slot))
      .sort((a, b) => a.order - b.order)
      .map(({ slot }) => ({ slot, name: kernel.text(field(C.names, slot), field(C.name_sizes, slot)) }));
    return [{ slot: 0, name: 'main' }, { slot: TEMP_SLOT, name: 'temp' }, ...attached];
  }
}
