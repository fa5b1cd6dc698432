/**
 * What a file was at earlier moments: blocks are kept before they are written for the first time since a snapshot (docs/decisions/0071).
 *
 * A snapshot with a name lasts, in a file of its own beside the database; one without lives in memory, as long as somebody uses it. The file:
 *
 *   OFFSET            SIZE        MEANING
 *   0                 16          "turso-wasm snaps"
 *   4096 + g * GROUP  4096        directory of group g: for each of its 512 slots the block's number + 1 (0: it is free) and a snapshot's number,
 *                                 32 bits each, little-endian as all of these
 *   … + 4096          512 * 4096  its slots
 *
 * The slot of block 2^32 - 2 describes that snapshot: checksum (4), its number (4), size of the file (8), when it was taken (8, milliseconds
 * since 1970), bytes of its name (4), the name.
 *
 * Invariants:
 *   H1  Reading snapshot n, a block is the first that was kept with a number >= n; else it was not written since and is the file's own.
 *   H2  A block that a snapshot needs is kept, and if one of them lasts, durably, before the file is written; a directory is written after
 *       what it tells of is durable. (A snapshot's description has a checksum instead.)
 *   H3  A slot that was given up is used again only when its directory says so durably.
 */

import { SQLITE_ERROR, SQLITE_FULL, SqlError } from '../base/errors.js';
import { IOERR, StoredFile } from './base.js';
import { BLOCK } from './blocks.js';
import { MemoryFile } from './memory_file.js';
import { Source } from './source.js';

const SLOTS = 512;
const GROUP = BLOCK * (1 + SLOTS);
const DESCRIPTION = 0xfffffffe;
const NAME_AT = 28;
const NAME_MAX = BLOCK - NAME_AT;
const MAGIC = new TextEncoder().encode('turso-wasm snaps');
/** Of a log (https://sqlite.org/fileformat2.html#the_write_ahead_log). */
const LOG_HEADER = 32;
const FRAME_HEADER = 24;

/**
 * @typedef {object} Snapshot
 * @property {number} number
 * @property {string | null} name null: it is somebody's own
 * @property {number} size bytes of the file
 * @property {number} time milliseconds since 1970
 * @property {number} users who read it
 * @typedef {{block: number, number: number, slot: number, slots: Slots}} Kept
 * @typedef {{name: string, time: Date, size: number}} Listed time: when it was taken; size: bytes of the database then
 */

/** Blocks in slots of a file. */
class Slots {
  /** [block + 1, snapshot] of each. @type {[number, number][]} */ entries = [];
  /** Groups whose directory is not as it should be. @type {Set<number>} */ #changed = new Set();
  /** @type {number[]} */ #free = [];
  /** H3 @type {number[]} */ #givenUp = [];

  /** @param {StoredFile} file @param {boolean} isDurable */
  constructor(file, isDurable) {
    this.file = file;
    this.isDurable = isDurable;
    const groups = this.file.size > BLOCK ? Math.ceil((this.file.size - BLOCK) / GROUP) : 0;
    for (let group = 0; group < groups; group++) {
      const directory = new Uint32Array(2 * SLOTS);
      this.file.read(new Uint8Array(directory.buffer), BLOCK + group * GROUP);
      for (let i = 0; i < SLOTS; i++) {
        this.entries.push([directory[2 * i], directory[2 * i + 1]]);
        if (!directory[2 * i]) this.#free.push(group * SLOTS + i);
      }
    }
    this.#free.reverse();
  }

  /** Whether a file is one of these. @param {StoredFile} file */
  static areIn(file) {
    const head = new Uint8Array(MAGIC.length);
    return file.read(head, 0) === head.length && MAGIC.every((byte, i) => byte === head[i]);
  }

  /** Put bytes into a free slot: it, or a negative code. @param {number} block @param {number} number @param {Uint8Array} bytes */
  put(block, number, bytes) {
    const slot = this.#free.pop() ?? this.entries.push([0, 0]) - 1;
    this.#tell(slot, block + 1, number);
    let code = IOERR;
    try {
      code = this.file.write(bytes, slotAt(slot));
    } finally {
      if (code < 0) this.giveUp(slot);
    }
    return code < 0 ? code : slot;
  }

  /** @param {number} slot @param {Uint8Array} into @param {number} from in the block */
  read(slot, into, from) {
    return this.file.read(into, slotAt(slot) + from);
  }

  /** @param {number} slot */
  giveUp(slot) {
    this.#tell(slot, 0, 0);
    this.#givenUp.push(slot);
  }

  /** @param {number} slot @param {number} entry @param {number} number */
  #tell(slot, entry, number) {
    this.entries[slot] = [entry, number];
    this.#changed.add(Math.floor(slot / SLOTS));
  }

  /** Make it durable (H2): 0 or a negative code. @param {boolean} [areChecked] what was put has a checksum */
  sync(areChecked = false) {
    if (!this.#changed.size) return 0;
    let code = areChecked || !this.isDurable ? 0 : this.file.sync();
    for (const group of this.#changed) {
      const entries = Array.from({ length: SLOTS }, (_, i) => this.entries[group * SLOTS + i] ?? [0, 0]);
      code ||= this.file.write(new Uint8Array(Uint32Array.from(entries.flat()).buffer), BLOCK + group * GROUP);
    }
    code ||= this.file.write(MAGIC, 0);
    if (this.isDurable) code ||= this.file.sync();
    if (code) return code;
    this.#changed.clear();
    this.#free.push(...this.#givenUp.splice(0));
    return 0;
  }
}

/** @param {number} slot */
function slotAt(slot) {
  return BLOCK + Math.floor(slot / SLOTS) * GROUP + BLOCK * (1 + (slot % SLOTS));
}

/** A database's file, whose earlier content may be asked for. */
export class KeptFile extends StoredFile {
  /** Those that are there, by number. @type {Map<number, Snapshot>} */ #snapshots = new Map();
  /** By block, in the order of their numbers. @type {Map<number, Kept[]>} */ #kept = new Map();
  /** @type {Slots | null} */ #lasting = null;
  #passing = new Slots(new MemoryFile(), false);
  #newest = 0;
  #next = 1;

  /** @param {StoredFile} inner @param {() => StoredFile | undefined} [log] its write-ahead log */
  constructor(inner, log = () => undefined) {
    super();
    this.inner = inner;
    this.log = log;
  }

  // --- the file, as it is ------------------------------------------------------------------------------

  /** @override */
  get capabilities() {
    return this.inner.capabilities;
  }

  /** @override */
  get size() {
    return this.inner.size;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.inner.read(into, at);
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    return this.#keep(at, at + from.length) || this.inner.write(from, at);
  }

  /** @override @param {number} size */
  truncate(size) {
    return this.#keep(size, this.inner.size) || this.inner.truncate(size);
  }

  /** @override */
  sync() {
    return this.inner.sync();
  }

  /** @override */
  close() {
    this.inner.close();
  }

  /** H2: bytes from `start` to `end` are about to be written: 0 or a negative code. @param {number} start @param {number} end */
  #keep(start, end) {
    if (!this.#newest) return 0;
    const blocks = new Set(this.#missing(start, end));
    if (!blocks.size) return 0;
    for (const [from, to] of this.#inLog()) for (const block of this.#missing(from, to)) blocks.add(block);
    return this.#keepAll(blocks);
  }

  /** Blocks in a range that the newest snapshot needs. @param {number} start @param {number} end */
  *#missing(start, end) {
    const { number, size } = /** @type {Snapshot} */ (this.#snapshots.get(this.#newest));
    for (let block = Math.floor(start / BLOCK); block * BLOCK < Math.min(end, size); block++) {
      if ((this.#kept.get(block)?.at(-1)?.number ?? 0) < number) yield block;
    }
  }

  /** What a checkpoint is about to write: one flush does for all of it. @returns {Generator<[number, number]>} */
  *#inLog() {
    const log = this.log();
    if (!log || log.size <= LOG_HEADER) return;
    const field = new Uint8Array(4);
    const number = (/** @type {number} */ at) => log.read(field, at) === 4 && new DataView(field.buffer).getUint32(0);
    const size = number(8) || BLOCK;
    for (let at = LOG_HEADER; at < log.size; at += FRAME_HEADER + size) {
      const page = number(at);
      if (page) yield [(page - 1) * size, page * size];
    }
  }

  /** @param {Iterable<number>} blocks */
  #keepAll(blocks) {
    const lasts = [...this.#snapshots.values()].some(({ name }) => name !== null);
    const slots = lasts ? /** @type {Slots} */ (this.#lasting) : this.#passing;
    /** @type {Kept[]} */ const kept = [];
    let code = 0;
    try {
      for (const block of blocks) {
        const bytes = new Uint8Array(BLOCK);
        code = Math.min(0, this.inner.read(bytes, block * BLOCK));
        const slot = code || slots.put(block, this.#newest, bytes);
        if (slot < 0) code = slot;
        else kept.push({ block, number: this.#newest, slot, slots });
        if (code) break;
      }
      code ||= slots.sync();
    } catch (error) {
      for (const { slot } of kept) slots.giveUp(slot);
      throw error;
    }
    for (const one of kept) {
      if (code) slots.giveUp(one.slot);
      else this.#note(one);
    }
    return code;
  }

  /** @param {Kept} one */
  #note(one) {
    const list = this.#kept.get(one.block) ?? [];
    if (!list.length) this.#kept.set(one.block, list);
    list.push(one);
  }

  // --- snapshots -----------------------------------------------------------------------------------------

  /** Whether there is a file for snapshots that last. */
  get isLasting() {
    return this.#lasting !== null;
  }

  /** Whether somebody may ask for its earlier content. */
  get isNeeded() {
    return this.#newest > 0;
  }

  /** Keep snapshots in a file, and find those that are there. @param {StoredFile} file */
  load(file) {
    if (!Slots.areIn(file)) file.truncate(0);
    const slots = new Slots(file, true);
    this.#lasting = slots;
    for (const [slot, [entry, number]] of slots.entries.entries()) {
      if (!entry) continue;
      this.#next = Math.max(this.#next, number + 1);
      if (entry - 1 !== DESCRIPTION) this.#note({ block: entry - 1, number, slot, slots });
      else this.#describe(slots, slot, number);
    }
    for (const list of this.#kept.values()) list.sort((a, b) => a.number - b.number);
    this.#tidy();
  }

  /** @param {Slots} slots @param {number} slot @param {number} number */
  #describe(slots, slot, number) {
    const bytes = new Uint8Array(BLOCK);
    slots.read(slot, bytes, 0);
    const view = new DataView(bytes.buffer);
    if (view.getUint32(0, true) !== checksum(bytes) || view.getUint32(4, true) !== number) return slots.giveUp(slot);
    const size = Number(view.getBigUint64(8, true));
    const time = Number(view.getBigUint64(16, true));
    const name = new TextDecoder().decode(bytes.subarray(NAME_AT, NAME_AT + view.getUint32(24, true)));
    this.#snapshots.set(number, { number, name, size, time, users: 0 });
  }

  /** Those that last, in the order in which they were taken. */
  list() {
    const named = [...this.#snapshots.values()].filter(({ name }) => name !== null);
    return named.sort((a, b) => a.number - b.number).map(listed);
  }

  /** @param {string} name @returns {Snapshot} @throws {SqlError} there is none of that name */
  find(name) {
    for (const snapshot of this.#snapshots.values()) if (snapshot.name === name) return snapshot;
    throw new SqlError(`no such snapshot: ${name}`, SQLITE_ERROR);
  }

  /**
   * Have the file as it is now from now on.
   * @param {string | null} name null: until whoever opens it leaves
   * @returns {Snapshot}
   * @throws {SqlError} there is one of that name; SQLITE_FULL, SQLITE_IOERR
   */
  take(name) {
    if (name !== null && [...this.#snapshots.values()].some((one) => one.name === name)) {
      throw new SqlError(`snapshot ${name} already exists`, SQLITE_ERROR);
    }
    const snapshot = { number: this.#next, name, size: this.inner.size, time: Date.now(), users: 0 };
    if (name !== null) this.#write(snapshot, name);
    this.#next++;
    this.#snapshots.set(snapshot.number, snapshot);
    this.#newest = snapshot.number;
    return snapshot;
  }

  /** @param {Snapshot} snapshot @param {string} name */
  #write({ number, size, time }, name) {
    const bytes = new Uint8Array(BLOCK);
    const text = new TextEncoder().encode(name);
    if (text.length > NAME_MAX) throw new SqlError('the name of the snapshot is too long', SQLITE_ERROR);
    const view = new DataView(bytes.buffer);
    view.setUint32(4, number, true);
    view.setBigUint64(8, BigInt(size), true);
    view.setBigUint64(16, BigInt(time), true);
    view.setUint32(24, text.length, true);
    bytes.set(text, NAME_AT);
    view.setUint32(0, checksum(bytes), true);
    const slots = /** @type {Slots} */ (this.#lasting);
    const slot = slots.put(DESCRIPTION, number, bytes);
    let code = IOERR;
    try {
      code = slot < 0 ? slot : slots.sync(true);
    } finally {
      if (code < 0 && slot >= 0) slots.giveUp(slot);
    }
    if (code < 0) throw failed(code);
  }

  /** Forget a snapshot, and what only it needed; who has it open keeps it. @param {string} name @throws {SqlError} there is none of that name; SQLITE_FULL, SQLITE_IOERR */
  drop(name) {
    const snapshot = this.find(name);
    const slots = /** @type {Slots} */ (this.#lasting);
    const slot = slots.entries.findIndex(([entry, of]) => entry === DESCRIPTION + 1 && of === snapshot.number);
    if (slot >= 0) slots.giveUp(slot);
    snapshot.name = null;
    if (!snapshot.users) return this.#remove(snapshot);
    const code = slots.sync();
    if (code) throw failed(code);
  }

  /** Nobody needs it any more. @param {Snapshot} snapshot */
  #remove({ number }) {
    this.#snapshots.delete(number);
    const code = this.#tidy();
    if (code) throw failed(code);
  }

  /** Give up what no snapshot needs (H1). */
  #tidy() {
    const numbers = [...this.#snapshots.keys()].sort((a, b) => a - b);
    this.#newest = numbers.at(-1) ?? 0;
    if (!numbers.length) return this.#forget();
    const among = (/** @type {number} */ after, /** @type {number} */ to) => numbers.some((n) => n > after && n <= to);
    for (const [block, list] of this.#kept) {
      const needed = list.filter(({ number }, i) => among(list[i - 1]?.number ?? 0, number));
      for (const one of list) if (!needed.includes(one)) one.slots.giveUp(one.slot);
      if (needed.length) this.#kept.set(block, needed);
      else this.#kept.delete(block);
    }
    return this.#lasting?.sync() ?? 0;
  }

  /** Nothing is kept any more. */
  #forget() {
    this.#kept.clear();
    this.#passing = new Slots(new MemoryFile(), false);
    if (!this.#lasting?.file.size) return 0;
    const { file } = this.#lasting;
    this.#lasting = new Slots(new MemoryFile(), false);
    const code = file.truncate(0) || file.sync();
    this.#lasting = new Slots(file, true);
    return code;
  }

  /** The file as it was, until whoever has this closes it. @param {Snapshot} snapshot @param {string} name in messages @returns {Source} */
  open(snapshot, name) {
    snapshot.users++;
    return new SnapshotSource(this, snapshot, name);
  }

  /** @param {Snapshot} snapshot */
  leave(snapshot) {
    snapshot.users--;
    if (snapshot.name === null && !snapshot.users) this.#remove(snapshot);
  }

  /** Blocks that were written since, in order. @param {Snapshot} snapshot */
  changed({ number, size }) {
    const blocks = [...this.#kept].filter(
      ([block, list]) => block * BLOCK < size && list[list.length - 1].number >= number,
    );
    return blocks.map(([block]) => block).sort((a, b) => a - b);
  }

  /** H1. @param {Snapshot} snapshot @param {Uint8Array} into @param {number} at @returns {number} */
  readAs({ number, size }, into, at) {
    const end = Math.min(at + into.length, size);
    for (let from = at; from < end; ) {
      const block = Math.floor(from / BLOCK);
      const kept = this.#keptOf(block, number);
      let to = Math.min(end, (block + 1) * BLOCK);
      while (!kept && to < end && !this.#keptOf(to / BLOCK, number)) to = Math.min(end, to + BLOCK);
      const part = into.subarray(from - at, to - at);
      const got = kept ? kept.slots.read(kept.slot, part, from % BLOCK) : this.inner.read(part, from);
      if (got !== part.length) throw failed(got < 0 ? got : IOERR);
      from = to;
    }
    return Math.max(0, end - at);
  }

  /** @param {number} block @param {number} number */
  #keptOf(block, number) {
    return this.#kept.get(block)?.find((one) => one.number >= number);
  }
}

/** A file as it was at a snapshot. */
class SnapshotSource extends Source {
  /** @param {KeptFile} file @param {Snapshot} snapshot @param {string} name */
  constructor(file, snapshot, name) {
    super(name);
    this.file = file;
    this.snapshot = snapshot;
    this.size = snapshot.size;
    this.identity = `snapshot ${snapshot.number}`;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.file.readAs(this.snapshot, into, at);
  }

  /** @override */
  async close() {
    this.file.leave(this.snapshot);
  }
}

/** @param {Snapshot} snapshot that has a name @returns {Listed} */
export function listed({ name, time, size }) {
  return { name: /** @type {string} */ (name), time: new Date(time), size };
}

/** Of all bytes but its own place (FNV-1a). @param {Uint8Array} bytes */
function checksum(bytes) {
  let sum = 0x811c9dc5;
  for (let i = 4; i < bytes.length; i++) sum = Math.imul(sum ^ bytes[i], 0x01000193) >>> 0;
  return sum;
}

/** @param {number} code negative */
function failed(code) {
  const isFull = -code === SQLITE_FULL;
  return new SqlError(isFull ? 'database or disk is full' : 'disk I/O error', -code);
}
