/**
 * Files in IndexedDB of which only a part is in memory: chunks lie in packs, one for each transaction, which are Blobs when they are large.
 *
 *   STORE        KEY             VALUE
 *   files        name            bytes of the file, a number
 *   directories  [name, n]       where chunks n * 1024 and following are: a Uint32Array of [number of the pack, its place there], 0: nowhere
 *   packs        [database, n]   chunks of CHUNK bytes, one after the other, n >= 1: a Uint8Array or a Blob
 *
 * A Blob of IndexedDB's is read where it lies, at once, by FileReaderSync; where there is none (outside of workers), packs are Uint8Arrays.
 *
 * Invariants:
 *   C1  In memory is what IndexedDB does not have yet, of what it has SMALL bytes in Uint8Arrays, and CACHE bytes of what was read last.
 *   C2  Directories say where all chunks of all files are, as of one transaction; a pack that none of them names is nothing.
 *   C3  A transaction deletes packs that nothing is in any more, and moves what is left in others into its own.
 */

import { CAP_OWNED } from '../base/abi.js';
import { isDatabase, StoredFile } from './base.js';

export const CHUNK = 4096;
/** Chunks of a directory. */
const ENTRIES = 1024;
/** A pack of so many bytes is a Blob. */
const LARGE = 1 << 16;
const SMALL = 1 << 20;
const CACHE = 4 << 20;
/** Bytes that are read of a Blob at once, if the chunks lie there one after the other: twice as many each time, while one is read after the other. */
const AHEAD = 1 << 14;
const MOST_AHEAD = 1 << 19;
/** Bytes that a transaction moves. */
const MOVED = 4 << 20;

/** What reads Blobs at once. */
const reader = typeof FileReaderSync === 'undefined' ? null : new FileReaderSync();

/** @typedef {{files: IDBObjectStore, directories: IDBObjectStore, packs: IDBObjectStore}} ObjectStores */

/** Some chunks, in one record. */
class Pack {
  /** How many of its chunks are in use. */ live = 0;

  /** @param {number} number @param {Uint8Array | Blob} data */
  constructor(number, data) {
    this.number = number;
    this.data = data;
  }

  get size() {
    return this.data instanceof Blob ? this.data.size : this.data.length;
  }

  get isSmall() {
    return !(this.data instanceof Blob);
  }

  /** @param {number} place @param {number} count of chunks @returns {Uint8Array} */
  read(place, count) {
    const [start, end] = [place * CHUNK, (place + count) * CHUNK];
    if (!(this.data instanceof Blob)) return this.data.subarray(start, end);
    return new Uint8Array(/** @type {FileReaderSync} */ (reader).readAsArrayBuffer(this.data.slice(start, end)));
  }
}

/** The packs of a database, and the files whose chunks are in them. */
export class Packs {
  /** @type {Map<number, Pack>} */ #packs = new Map();
  /** What was read last: by file and chunk. @type {Map<string, Uint8Array>} */ #read = new Map();
  /** By name. @type {Map<string, PackedFile>} */ files = new Map();
  #next = 1;
  #ahead = AHEAD;
  /** The chunk behind those that were read last. */ #following = -1;
  /** What the last transaction wrote. @type {Pack | null} */ #last = null;

  /** @param {string} name of the database @param {() => void} flush called when a file is to be synced */
  constructor(name, flush) {
    this.name = name;
    this.flush = flush;
  }

  /** Find what there is. @param {IDBValidKey[]} keys of all its packs @param {(Uint8Array | Blob)[]} data */
  async load(keys, data) {
    for (const [i, key] of keys.entries()) {
      const [, number] = /** @type {[string, number]} */ (key);
      const found = data[i];
      const isReadable = reader || !(found instanceof Blob);
      this.#packs.set(number, new Pack(number, isReadable ? found : new Uint8Array(await found.arrayBuffer())));
      this.#next = Math.max(this.#next, number + 1);
    }
  }

  /** @param {string} name @param {number} size @param {Map<number, Uint32Array>} directories */
  add(name, size, directories) {
    const file = new PackedFile(this, name, size, directories);
    for (const number of file.numbers()) this.pack(number).live++;
    this.files.set(name, file);
    return file;
  }

  /** @param {number} number */
  pack(number) {
    const found = this.#packs.get(number);
    if (!found) throw new Error(`a part of the database ${this.name} is missing in IndexedDB`);
    return found;
  }

  get isDirty() {
    return [...this.files.values()].some((file) => file.isDirty);
  }

  // --- reading -----------------------------------------------------------------------------------------

  /** A chunk that a pack has. @param {PackedFile} file @param {number} i @param {number} number @param {number} place */
  read(file, i, number, place) {
    const key = `${i} ${file.name}`;
    const found = this.#read.get(key);
    if (found) return found;
    const pack = this.pack(number);
    if (pack.isSmall) return pack.read(place, 1);
    this.#ahead = i === this.#following ? Math.min(2 * this.#ahead, MOST_AHEAD) : AHEAD;
    let count = 1;
    while (count * CHUNK < this.#ahead && file.isAt(i + count, number, place + count)) count++;
    this.#following = i + count;
    const bytes = pack.read(place, count);
    for (let j = count - 1; j >= 0; j--) {
      this.#keep(`${i + j} ${file.name}`, bytes.subarray(j * CHUNK, (j + 1) * CHUNK));
    }
    return bytes.subarray(0, CHUNK);
  }

  /** C1. @param {string} key @param {Uint8Array} chunk */
  #keep(key, chunk) {
    this.#read.delete(key);
    this.#read.set(key, chunk);
    if (this.#read.size * CHUNK <= CACHE) return;
    const [oldest] = this.#read.keys();
    this.#read.delete(oldest);
  }

  /** A chunk is another one now. @param {PackedFile} file @param {number} i */
  changed(file, i) {
    this.#read.delete(`${i} ${file.name}`);
  }

  // --- writing -----------------------------------------------------------------------------------------

  /** Make the requests that write what changed; how many bytes. @param {ObjectStores} stores */
  save(stores) {
    /** @type {[PackedFile, number, Uint8Array][]} */
    const chunks = [...this.files.values()].flatMap((file) => file.takeDirty());
    const moved = this.#sparse(chunks.length * CHUNK);
    if (moved.size) {
      for (const file of this.files.values()) chunks.push(...file.chunksIn(moved));
    }
    const number = this.#next++;
    this.#last = chunks.length ? new Pack(number, packed(chunks)) : null;
    if (this.#last) {
      this.#packs.set(number, this.#last);
      for (const [place, [file, i]] of chunks.entries()) file.place(i, number, place);
      stores.packs.put(this.#last.data, [this.name, number]);
    }
    for (const file of this.files.values()) file.save(stores);
    this.#clean(stores.packs);
    return chunks.length * CHUNK;
  }

  /** C3: packs whose chunks are to be moved: those that are half empty, and small ones when there is enough for a large one. @param {number} size bytes that are written anyway */
  #sparse(size) {
    const used = [...this.#packs.values()].filter(({ live }) => live);
    const small = used.filter(({ isSmall }) => isSmall);
    const bytes = small.reduce((sum, { live }) => sum + live * CHUNK, 0);
    const found = new Set(reader && bytes > SMALL ? small : []);
    let room = MOVED - bytes - size;
    for (const pack of used) {
      if (pack.isSmall || pack.live * CHUNK * 2 > pack.size || pack.live * CHUNK > room) continue;
      found.add(pack);
      room -= pack.live * CHUNK;
    }
    return new Set([...found].map(({ number }) => number));
  }

  /** @param {IDBObjectStore} packs */
  #clean(packs) {
    for (const [number, { live }] of this.#packs) {
      if (live) continue;
      this.#packs.delete(number);
      packs.delete([this.name, number]);
    }
  }

  /** What `save` wrote is there: let Blobs be those that IndexedDB has, not those that were made here. @param {(number: number) => Promise<any>} get */
  async saved(get) {
    for (const file of this.files.values()) file.landed();
    const pack = this.#last;
    if (!pack || pack.isSmall || !this.#packs.has(pack.number)) return;
    const found = await get(pack.number);
    if (found instanceof Blob) pack.data = found;
  }

  /** Chunks that `put` stores; in use when a file adopts them (C2). @param {Blob} data @param {(data: Uint8Array | Blob, number: number) => Promise<any>} put gives what was stored */
  async stage(data, put) {
    const rest = data.size % CHUNK;
    const whole = rest ? new Blob([data, new Uint8Array(CHUNK - rest)]) : data;
    const bytes = reader ? whole : new Uint8Array(await whole.arrayBuffer());
    const number = this.#next++;
    const pack = new Pack(number, await put(bytes, number));
    pack.live = 1; // it must not be cleaned away
    this.#packs.set(number, pack);
    return pack;
  }
}

/** @param {[PackedFile, number, Uint8Array][]} chunks */
function packed(chunks) {
  const data = new Uint8Array(chunks.length * CHUNK);
  for (const [place, [, , chunk]] of chunks.entries()) data.set(chunk, place * CHUNK);
  return recordOf(data);
}

/** What is stored of these chunks. @param {Uint8Array<ArrayBuffer>} data */
export function recordOf(data) {
  return reader && data.length >= LARGE ? new Blob([data]) : data;
}

/** A directory of chunks of one pack. @param {[number, number][]} places by chunk @param {number} number of the pack */
export function directoryOf(places, number) {
  const directory = new Uint32Array(2 * ENTRIES);
  for (const [i, place] of places) directory.set([number, place], 2 * (i % ENTRIES));
  return directory;
}

export class PackedFile extends StoredFile {
  #size;
  #storedSize;
  /** By number. @type {Map<number, Uint32Array>} */ #directories;
  /** @type {Set<number>} */ #changed = new Set();
  /** What IndexedDB does not have. @type {Map<number, Uint8Array>} */ #dirty = new Map();
  /** What is on its way there. @type {Map<number, Uint8Array>} */ #flying = new Map();

  /** @param {Packs} packs @param {string} name @param {number} size @param {Map<number, Uint32Array>} directories */
  constructor(packs, name, size, directories) {
    super();
    this.packs = packs;
    this.name = name;
    this.#size = size;
    this.#storedSize = size;
    this.#directories = directories;
  }

  /** @override */
  get capabilities() {
    return CAP_OWNED;
  }

  /** @override */
  get size() {
    return this.#size;
  }

  /** The packs of its chunks, one by one. */
  *numbers() {
    for (const directory of this.#directories.values()) {
      for (let i = 0; i < directory.length; i += 2) if (directory[i]) yield directory[i];
    }
  }

  /** Whether IndexedDB has a chunk at that place, and that is what it is. @param {number} i @param {number} number @param {number} place */
  isAt(i, number, place) {
    const at = 2 * (i % ENTRIES);
    const directory = this.#directories.get(Math.floor(i / ENTRIES));
    return directory?.[at] === number && directory[at + 1] === place && !this.#dirty.has(i) && !this.#flying.has(i);
  }

  /** A chunk as it is, null: zeros. @param {number} i */
  #chunk(i) {
    const own = this.#dirty.get(i) ?? this.#flying.get(i);
    if (own) return own;
    const at = 2 * (i % ENTRIES);
    const directory = this.#directories.get(Math.floor(i / ENTRIES));
    return directory?.[at] ? this.packs.read(this, i, directory[at], directory[at + 1]) : null;
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.#size - at));
    for (let done = 0; done < n; ) {
      const from = (at + done) % CHUNK;
      const part = into.subarray(done, Math.min(n, done + CHUNK - from));
      const chunk = this.#chunk(Math.floor((at + done) / CHUNK));
      if (chunk) part.set(chunk.subarray(from, from + part.length));
      else part.fill(0);
      done += part.length;
    }
    return n;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    for (let done = 0; done < from.length; ) {
      const start = (at + done) % CHUNK;
      const part = from.subarray(done, done + CHUNK - start);
      this.#own(Math.floor((at + done) / CHUNK), part.length === CHUNK).set(part, start);
      done += part.length;
    }
    this.#size = Math.max(this.#size, at + from.length);
    return 0;
  }

  /** A chunk that may be written. @param {number} i @param {boolean} [isNew] whatever was there */
  #own(i, isNew = false) {
    const found = this.#dirty.get(i);
    if (found) return found;
    const chunk = new Uint8Array(CHUNK);
    const before = isNew ? null : this.#chunk(i);
    if (before) chunk.set(before);
    this.#dirty.set(i, chunk);
    return chunk;
  }

  /** @override @param {number} size */
  truncate(size) {
    if (size < this.#size) {
      const first = Math.ceil(size / CHUNK);
      if (size % CHUNK && this.#chunk(first - 1)) this.#own(first - 1).fill(0, size % CHUNK);
      for (const chunks of [this.#dirty, this.#flying]) for (const i of chunks.keys()) if (i >= first) chunks.delete(i);
      for (const [n, directory] of this.#directories) {
        for (let i = Math.max(first, n * ENTRIES); i < (n + 1) * ENTRIES; i++) {
          if (directory[2 * (i % ENTRIES)]) this.place(i, 0, 0);
        }
      }
    }
    this.#size = size;
    return 0;
  }

  /** @override */
  sync() {
    this.packs.flush();
    return 0;
  }

  // --- on its way into IndexedDB -----------------------------------------------------------------------

  get isDirty() {
    return this.#dirty.size > 0 || this.#changed.size > 0 || this.#size !== this.#storedSize;
  }

  /** A chunk is at a place from now on; number 0: nowhere. @param {number} i @param {number} number @param {number} place */
  place(i, number, place) {
    const n = Math.floor(i / ENTRIES);
    const directory = this.#directories.get(n) ?? new Uint32Array(2 * ENTRIES);
    const at = 2 * (i % ENTRIES);
    if (directory[at]) this.packs.pack(directory[at]).live--;
    if (number) this.packs.pack(number).live++;
    directory[at] = number;
    directory[at + 1] = place;
    this.#directories.set(n, directory);
    this.#changed.add(n);
    this.packs.changed(this, i);
  }

  /** What is to be written. @returns {[PackedFile, number, Uint8Array][]} */
  takeDirty() {
    this.#flying = this.#dirty;
    this.#dirty = new Map();
    return [...this.#flying].map(([i, chunk]) => [this, i, chunk]);
  }

  /** Chunks that lie in packs, and are not written anyway. @param {Set<number>} numbers @returns {[PackedFile, number, Uint8Array][]} */
  chunksIn(numbers) {
    /** @type {[PackedFile, number, Uint8Array][]} */ const found = [];
    for (const [n, directory] of this.#directories) {
      for (let at = 0; at < directory.length; at += 2) {
        const i = n * ENTRIES + at / 2;
        if (!numbers.has(directory[at]) || this.#flying.has(i)) continue;
        found.push([this, i, this.packs.read(this, i, directory[at], directory[at + 1]).slice()]);
      }
    }
    return found;
  }

  /** @param {ObjectStores} stores */
  save({ files, directories }) {
    for (const n of this.#changed) {
      const directory = /** @type {Uint32Array} */ (this.#directories.get(n));
      if (directory.some((word) => word)) directories.put(directory, [this.name, n]);
      else {
        directories.delete([this.name, n]);
        this.#directories.delete(n);
      }
    }
    this.#changed.clear();
    if (this.#size === this.#storedSize) return;
    this.#storedSize = this.#size;
    if (this.#size || isDatabase(this.name)) files.put(this.#size, this.name);
    else files.delete(this.name);
  }

  /** IndexedDB has what was on its way. */
  landed() {
    this.#flying = new Map();
  }

  /** Become what packs hold, one after the other. @param {Pack[]} packs @param {number} size */
  adopt(packs, size) {
    this.truncate(0);
    let i = 0;
    for (const pack of packs) {
      pack.live = 0;
      for (let place = 0; place * CHUNK < pack.size; place++) this.place(i++, pack.number, place);
    }
    this.#size = size;
  }
}
