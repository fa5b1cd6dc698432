/**
 * Blocks of a large file, kept in a small one: what was changed of a file that is not written (overlay.js), or fetched of one that is far
 * away (remote.js). A block lies in a slot; slots come in groups, each behind a directory that says which blocks they have.
 *
 *   OFFSET            SIZE     MEANING
 *   0                 16       "turso-wasm block"
 *   16                8        bytes of the large file, little-endian as all of these
 *   24                8        how far its source still counts
 *   32                4        slots
 *   36                4, n     the source's identity: bytes of it, and itself
 *   4096 (1025 * g)   4096     directory of group g: for each of its 1024 slots the block's number + 1, or 0
 *   … + 4096          1024 * 4096   its slots
 *
 * Invariants:
 *   B1  A directory, and the header, are written by `sync`, after what they tell of is durable.
 *   B2  A slot that was given up is used again only after the next `sync`.
 */

export const BLOCK = 4096;
const SLOTS = 1024;
const MAGIC = new TextEncoder().encode('turso-wasm block');
const IDENTITY_AT = 40;

export class BlockFile {
  /** By block. @type {Map<number, number>} */ #slots = new Map();
  /** The block in each slot + 1. @type {number[]} */ #blocks = [];
  /** Groups whose directory is not as it should be. @type {Set<number>} */ #changed = new Set();
  /** @type {number[]} */ #free = [];
  /** B2 @type {number[]} */ #givenUp = [];
  /** Of the large file, as `sync` last left it. */ size = 0;
  limit = 0;

  /** @param {import('./base.js').StoredFile} file @param {string} identity of the source */
  constructor(file, identity) {
    this.file = file;
    this.identity = identity;
  }

  /** What a file has. null: it has blocks of another source. @param {import('./base.js').StoredFile} file @param {string} identity */
  static open(file, identity) {
    const found = new BlockFile(file, identity);
    return file.size === 0 || found.#load() ? found : null;
  }

  #load() {
    const head = new Uint8Array(BLOCK);
    this.file.read(head, 0);
    const view = new DataView(head.buffer);
    const identity = head.subarray(IDENTITY_AT, IDENTITY_AT + view.getUint32(36, true));
    if (MAGIC.some((byte, i) => byte !== head[i]) || new TextDecoder().decode(identity) !== this.identity) return false;
    this.size = Number(view.getBigUint64(16, true));
    this.limit = Number(view.getBigUint64(24, true));
    const n = view.getUint32(32, true);
    for (let group = 0; group * SLOTS < n; group++) {
      const directory = new Uint32Array(SLOTS);
      this.file.read(new Uint8Array(directory.buffer), directoryAt(group));
      for (const [i, entry] of directory.subarray(0, n - group * SLOTS).entries()) {
        const slot = this.#blocks.push(entry) - 1;
        if (entry) this.#slots.set(entry - 1, slot);
        else this.#free.push(group * SLOTS + i);
      }
    }
    return true;
  }

  /** How many it has. */
  get count() {
    return this.#slots.size;
  }

  /** @param {number} block */
  has(block) {
    return this.#slots.has(block);
  }

  /** Read of a block that it has. @param {number} block @param {Uint8Array} into @param {number} from in the block */
  read(block, into, from) {
    return this.file.read(into, slotAt(/** @type {number} */ (this.#slots.get(block))) + from);
  }

  /** Write a block, or a part of one that it has: 0 or a negative code. @param {number} block @param {Uint8Array} bytes @param {number} [from] in the block */
  write(block, bytes, from = 0) {
    const found = this.#slots.get(block);
    const slot = found ?? this.#free.at(-1) ?? this.#blocks.length;
    const code = this.file.write(bytes, slotAt(slot) + from);
    if (code < 0 || found !== undefined) return code;
    if (slot < this.#blocks.length) this.#free.pop();
    this.#slots.set(block, slot);
    this.#tell(slot, block + 1);
    return 0;
  }

  /** @param {number} slot @param {number} entry */
  #tell(slot, entry) {
    this.#blocks[slot] = entry;
    this.#changed.add(Math.floor(slot / SLOTS));
  }

  /** Give up all blocks from one on. @param {number} block */
  drop(block) {
    for (const [number, slot] of this.#slots) {
      if (number < block) continue;
      this.#slots.delete(number);
      this.#givenUp.push(slot);
      this.#tell(slot, 0);
    }
  }

  /** Have nothing, of another source perhaps. @param {string} identity */
  clear(identity) {
    this.identity = identity;
    this.#slots.clear();
    this.#blocks = [];
    this.#changed.clear();
    this.#free = [];
    this.#givenUp = [];
    return this.file.truncate(0);
  }

  /** Make it durable (B1): 0 or a negative code. */
  sync() {
    let code = this.#changed.size ? this.file.sync() : 0;
    for (const group of this.#changed) {
      const directory = Uint32Array.from({ length: SLOTS }, (_, i) => this.#blocks[group * SLOTS + i] ?? 0);
      code ||= this.file.write(new Uint8Array(directory.buffer), directoryAt(group));
    }
    code ||= this.file.write(this.#head(), 0) || this.file.sync();
    if (code) return code;
    this.#changed.clear();
    this.#free.push(...this.#givenUp.splice(0));
    return 0;
  }

  #head() {
    const head = new Uint8Array(BLOCK);
    const view = new DataView(head.buffer);
    head.set(MAGIC);
    view.setBigUint64(16, BigInt(this.size), true);
    view.setBigUint64(24, BigInt(this.limit), true);
    view.setUint32(32, this.#blocks.length, true);
    const { written } = new TextEncoder().encodeInto(this.identity, head.subarray(IDENTITY_AT));
    view.setUint32(36, written, true);
    return head;
  }
}

/** @param {number} group */
function directoryAt(group) {
  return BLOCK * (1 + group * (SLOTS + 1));
}

/** @param {number} slot */
function slotAt(slot) {
  return directoryAt(Math.floor(slot / SLOTS)) + BLOCK * (1 + (slot % SLOTS));
}
