/**
 * Databases in IndexedDB, for where access handles do not exist: one transaction a commit; only a part of them is in memory (packs.js).
 *
 * The IndexedDB database "turso-wasm" has, beside what packs.js describes:
 *
 *   STORE    KEY             VALUE
 *   files    [OWNER, name]   which acquisition of a database is the last one, a random text; nothing: one for whose text there was no room
 *   chunks   [name, index]   of version 1: a Uint8Array of OLD_CHUNK bytes, fewer at the end of the file; moved into packs when acquired
 *
 * Invariants:
 *   I1  An acquired database is held by a Web Lock: IndexedDB itself would let two tabs write.
 *   I2  A transaction takes everything that changed in all files of a database, so IndexedDB has the files as they were at one moment,
 *       with every write before the last sync; one transaction of a database runs at a time, and syncs meanwhile share the next.
 *   I3  After a transaction that failed none is begun until the database is acquired anew, which finds the state before that one: what
 *       was told to have failed is not written later.
 *   I4  A transaction writes nothing if somebody else has acquired the database since: a late owner is told SQLITE_IOERR.
 */

import { OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SQLITE_IOERR, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, FullError, isDatabase, isLocked, SNAPSHOTS, Storage } from './base.js';
import { KeptFile } from './history.js';
import { directoryOf, Packs, recordOf } from './packs.js';

const DATABASE = 'turso-wasm';
const VERSION = 2;
const OLD_CHUNK = 8192;
const OLD_ENTRIES = 512;
/** Bytes of a pack that is made of a file as a whole. */
const PART = 4 << 20;
const STORES = ['files', 'directories', 'packs'];
const OWNER = 'owner';
/** A worker that is going away keeps its lock for a moment. */
const PATIENCE_MS = 5000;

/** The files of one database, and their way into IndexedDB. */
class Held {
  /** The database's. @type {KeptFile | null} */ main = null;
  users = 1;
  /** @type {Promise<void> | null} */ #writing = null;
  #again = false;
  /** I3. @type {unknown} */ #failure = undefined;
  /** Whether somebody knows of the failure. */ isTold = false;

  /** @param {IDBDatabase} database @param {string} name @param {() => void} letGo */
  constructor(database, name, letGo) {
    this.database = database;
    this.name = name;
    this.letGo = letGo;
    this.packs = new Packs(name, () => this.flush());
    /** @type {string | undefined} */ this.id = crypto.getRandomValues(new Uint32Array(4)).join('-');
  }

  /** See I4. Where there is no room left for a text, there is one less. */
  async own() {
    try {
      await transaction(this.database, 'readwrite', ({ files }) => files.put(this.id, [OWNER, this.name]));
    } catch (error) {
      const failure = failed(error);
      if (!(failure instanceof FullError)) throw failure;
      this.id = undefined;
      await transaction(this.database, 'readwrite', ({ files }) => files.delete([OWNER, this.name]));
    }
  }

  /** Write what changed, after what is being written (I2). */
  flush() {
    if (this.#writing) {
      this.#again = true;
      return;
    }
    if (this.#failure || !this.packs.isDirty) return;
    this.#writing = this.#write()
      .catch((error) => {
        this.#failure = error;
      })
      .then(() => {
        this.#writing = null;
        if (!this.#again) return;
        this.#again = false;
        this.flush();
      });
  }

  /** See Storage. */
  settled() {
    return this.#writing || this.#failure ? this.#settle() : undefined;
  }

  async #settle() {
    while (this.#writing) await this.#writing;
    if (!this.#failure) return;
    this.isTold = true;
    throw this.#failure;
  }

  async #write() {
    let size = 0;
    await this.#alone(
      (stores) => {
        size = this.packs.save(stores);
      },
      () => size,
    );
    this.packs.saved((number) => this.#stored(number)).catch(() => undefined); // then those that were made here are read
  }

  /** Make requests as long as nobody else has the database (I4). @param {(stores: ObjectStores) => void} act @param {() => number} size bytes to be written */
  async #alone(act, size) {
    let late = false;
    try {
      await transaction(this.database, 'readwrite', (stores) => {
        const owner = stores.files.get([OWNER, this.name]);
        owner.onsuccess = () => {
          late = owner.result !== this.id;
          if (late) stores.files.transaction.abort();
        };
        act(stores);
      });
    } catch (error) {
      throw failed(late ? new Error('another tab has taken the database over') : error, size());
    }
  }

  /** A pack as IndexedDB has it. @param {number} number */
  async #stored(number) {
    const [found] = await results(this.database, ({ packs }) => [packs.get([this.name, number])]);
    return found;
  }

  /** Put a file in the place of the database, all or nothing. @param {Blob} content */
  async replace(content) {
    await this.settled();
    const parts = [];
    for (let at = 0; at < content.size; at += PART) {
      const part = content.slice(at, at + PART);
      parts.push(
        await this.packs.stage(part, async (data, number) => {
          await this.#alone(
            ({ packs }) => packs.put(data, [this.name, number]),
            () => part.size,
          );
          return this.#stored(number);
        }),
      );
    }
    const main = /** @type {KeptFile} */ (this.main);
    for (const suffix of COMPANIONS) this.packs.files.get(this.name + suffix)?.truncate(0);
    main.truncate(0);
    this.packs.files.get(this.name)?.adopt(parts, content.size);
    this.flush();
    await this.settled();
  }

  /** Find what IndexedDB has of it. */
  async load() {
    const { database, name, packs } = this;
    if (database.objectStoreNames.contains('chunks')) await this.#convert();
    const all = allOf(name);
    const [keys, data] = await results(database, (stores) => [stores.packs.getAllKeys(all), stores.packs.getAll(all)]);
    await packs.load(keys, data);
    for (const suffix of ['', ...COMPANIONS, SNAPSHOTS]) {
      const range = allOf(name + suffix);
      const [size, numbers, found] = await results(database, ({ files, directories }) => [
        files.get(name + suffix),
        directories.getAllKeys(range),
        directories.getAll(range),
      ]);
      packs.add(
        name + suffix,
        size ?? 0,
        new Map(found.map((/** @type {Uint32Array} */ one, /** @type {number} */ i) => [numbers[i][1], one])),
      );
    }
    const [file, , log, snapshots] = packs.files.values();
    this.main = new KeptFile(file, () => log);
    this.main.load(snapshots);
  }

  /** Move what version 1 has left into packs, a directory at a time. */
  async #convert() {
    const { database, name } = this;
    const [keys] = await results(database, ({ packs }) => [packs.getAllKeys(allOf(name))]);
    let next = Math.max(0, ...keys.map((/** @type {[string, number]} */ [, number]) => number)) + 1;
    for (const suffix of ['', ...COMPANIONS]) {
      const file = name + suffix;
      const [chunks] = await results(database, (stores) => [
        /** @type {IDBObjectStore} */ (stores.chunks).getAllKeys(allOf(file)),
      ]);
      const numbers = new Set(chunks.map((/** @type {[string, number]} */ [, i]) => Math.floor(i / OLD_ENTRIES)));
      for (const n of numbers) await this.#convertPart(file, n, next++);
    }
  }

  /** @param {string} file @param {number} n of the directory @param {number} number of the pack */
  #convertPart(file, n, number) {
    const range = IDBKeyRange.bound([file, n * OLD_ENTRIES], [file, (n + 1) * OLD_ENTRIES], false, true);
    return transaction(this.database, 'readwrite', ({ directories, packs, chunks }) => {
      const old = /** @type {IDBObjectStore} */ (chunks);
      const keys = old.getAllKeys(range);
      const found = old.getAll(range);
      found.onsuccess = () => {
        const data = new Uint8Array(found.result.length * OLD_CHUNK);
        const places = /** @type {[number, number][]} */ ([]);
        for (const [i, chunk] of found.result.entries()) {
          data.set(chunk, i * OLD_CHUNK);
          const [, index] = /** @type {[string, number]} */ (keys.result[i]);
          for (const half of [0, 1]) places.push([2 * index + half, 2 * i + half]);
        }
        packs.put(recordOf(data), [this.name, number]);
        directories.put(directoryOf(places, number), [file, n]);
        old.delete(range);
      };
    });
  }
}

export class IndexedDbStorage extends Storage {
  /** @type {Map<string, Promise<Held>>} */ #loading = new Map();
  /** @type {Map<string, Held>} those that are there */ #ready = new Map();
  /** @type {Map<string, Promise<void>>} what releasing left to do */ #leaving = new Map();
  /** @type {Promise<IDBDatabase> | null} */ #database = null;

  /** @override */
  get isOfOrigin() {
    return true;
  }

  /** @override */
  get keepsHistory() {
    return true;
  }

  /** Whether this context can use it. */
  static get available() {
    return typeof indexedDB !== 'undefined' && Boolean(globalThis.navigator?.locks);
  }

  /** @param {string} what is wanted of it @returns {Promise<IDBDatabase>} */
  async #open(what) {
    if (!IndexedDbStorage.available)
      throw cannotOpen(what, 'IndexedDB and Web Locks are needed, which secure pages have');
    this.#database ??= openDatabase();
    try {
      return await this.#database;
    } catch (error) {
      this.#database = null;
      throw cannotOpen(what, error);
    }
  }

  /** @override @param {string} name @param {{create?: boolean}} [options] @returns {Promise<void>} */
  async acquire(name, { create = true } = {}) {
    if (name === '') throw cannotOpen('""', 'a database needs a name');
    const there = this.#ready.get(name);
    if (there) {
      there.users++;
      return;
    }
    const loading = this.#loading.get(name);
    if (loading) {
      await loading;
      return this.acquire(name, { create });
    }
    const held = this.#load(name, create);
    this.#loading.set(name, held);
    try {
      this.#ready.set(name, await held);
    } finally {
      this.#loading.delete(name);
    }
  }

  /** @param {string} name @param {boolean} create */
  async #load(name, create) {
    const database = await this.#open(name);
    await this.#leaving.get(name);
    const letGo = await own(name, { signal: AbortSignal.timeout(PATIENCE_MS) });
    try {
      const held = new Held(database, name, letGo);
      const [size] = await results(database, ({ files }) => [files.get(name)]);
      if (!create && size === undefined) throw cannotOpen(name, 'there is no such database in IndexedDB');
      await held.own(); // from here on nobody else writes
      await held.load();
      return held;
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /** @override @param {string} name */
  async release(name) {
    const held = this.#ready.get(name);
    if (!held || --held.users > 0) return;
    this.#ready.delete(name);
    held.flush();
    const leaving = Promise.resolve(held.isTold ? undefined : held.settled()).finally(held.letGo);
    this.#leaving.set(
      name,
      leaving.catch(() => undefined),
    );
    await leaving;
  }

  /** @override @param {string} name */
  settled(name) {
    return this.#ready.get(name)?.settled();
  }

  /** @override @returns {Promise<string[]>} */
  async list() {
    const database = await this.#open('the list of databases');
    const [keys] = await results(database, ({ files }) => [files.getAllKeys()]);
    return keys.filter((/** @type {IDBValidKey} */ key) => typeof key === 'string' && isDatabase(key));
  }

  /** @override @param {string} name */
  async remove(name) {
    const database = await this.#open(name);
    if (this.#ready.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    await this.#leaving.get(name);
    const letGo = await own(name, { ifAvailable: true });
    try {
      await transaction(database, 'readwrite', ({ files, directories, packs, chunks }) => {
        files.delete([OWNER, name]);
        packs.delete(allOf(name));
        for (const suffix of ['', ...COMPANIONS, SNAPSHOTS]) {
          files.delete(name + suffix);
          directories.delete(allOf(name + suffix));
          chunks?.delete(allOf(name + suffix));
        }
      });
    } catch (error) {
      throw failed(error);
    } finally {
      letGo();
    }
  }

  /** @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    await this.#ready.get(name)?.replace(content);
  }

  /** @override @param {string} name @returns {Promise<KeptFile>} */
  async history(name) {
    return /** @type {KeptFile} */ (this.#ready.get(name)?.main);
  }

  /** @param {string} name @returns {import('./base.js').StoredFile | null | undefined} */
  #file(name) {
    if (isDatabase(name)) return this.#ready.get(name)?.main;
    return this.#ready.get(name.slice(0, name.lastIndexOf('-')))?.packs.files.get(name);
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    const file = this.#file(name);
    if (!file || (!(flags & OPEN_CREATE) && file.size === 0)) return CANTOPEN;
    return file;
  }

  /** Durable or not: what is not on its way into IndexedDB would be lost with the page. @override @param {string} name */
  delete(name) {
    const file = this.#file(name);
    if (!file) return 0;
    file.truncate(0);
    return file.sync();
  }

  /** @override @param {string} name */
  exists(name) {
    return (this.#file(name)?.size ?? 0) > 0;
  }
}

/** All keys that begin with a name. @param {string} name */
function allOf(name) {
  return IDBKeyRange.bound([name], [name, []]);
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, VERSION);
    request.onupgradeneeded = () => {
      const stores = request.result.objectStoreNames;
      for (const name of STORES) if (!stores.contains(name)) request.result.createObjectStore(name);
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another version of it is open'));
  });
}

/** @typedef {import('./packs.js').ObjectStores & {chunks?: IDBObjectStore}} ObjectStores chunks: where there was a version 1 */

/**
 * Make requests in a transaction; resolves when it is durable.
 * @param {IDBDatabase} database @param {IDBTransactionMode} mode @param {(stores: ObjectStores) => unknown} act
 * @returns {Promise<void>}
 */
function transaction(database, mode, act) {
  return new Promise((resolve, reject) => {
    const names = [...database.objectStoreNames];
    const tx = database.transaction(names, mode, { durability: 'strict' });
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error('the transaction was aborted'));
    try {
      act(/** @type {any} */ (Object.fromEntries(names.map((name) => [name, tx.objectStore(name)]))));
    } catch (error) {
      tx.abort();
      reject(error);
    }
  });
}

/** What requests give. @param {IDBDatabase} database @param {(stores: ObjectStores) => IDBRequest[]} ask @returns {Promise<any[]>} */
async function results(database, ask) {
  /** @type {IDBRequest[]} */ let asked = [];
  await transaction(database, 'readonly', (stores) => {
    asked = ask(stores);
  });
  return asked.map(({ result }) => result);
}

/**
 * Hold a database's lock; what lets it go.
 * @param {string} name @param {LockOptions} options @returns {Promise<() => void>} @throws {SqlError} SQLITE_BUSY
 */
function own(name, options) {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`turso-wasm indexeddb ${name}`, options, (lock) => {
        if (!lock) return reject(isLocked(name));
        return new Promise((letGo) => resolve(() => letGo(undefined)));
      })
      .catch((error) => reject(options.signal?.aborted ? isLocked(name, error) : cannotOpen(name, error)));
  });
}

/** @param {unknown} error @param {number} [size] bytes that were not written */
function failed(error, size = 0) {
  const isFull = error instanceof Error && error.name === 'QuotaExceededError';
  if (isFull) return new FullError(size, error);
  const reason = error instanceof Error ? error.message : error;
  return new SqlError(`disk I/O error: ${reason}`, SQLITE_IOERR, -1, { cause: error });
}
