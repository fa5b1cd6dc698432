/**
 * Files in IndexedDB, for where access handles do not exist: mirrored in memory, written in chunks, one transaction a commit.
 *
 * The IndexedDB database "turso-wasm" has two object stores:
 *
 *   STORE    KEY             VALUE
 *   files    name            bytes of the file, a number
 *            [OWNER, name]   which acquisition of a database is the last one, a random text; nothing: one for whose text there was no room
 *   chunks   [name, index]   a Uint8Array of CHUNK bytes, fewer at the end of the file
 *
 * Invariants:
 *   I1  An acquired database is held by a Web Lock: IndexedDB itself would let two tabs write.
 *   I2  A transaction takes everything that changed in all files of a database, so IndexedDB has the files as they were at one moment,
 *       with every write before the last sync; one transaction of a database runs at a time, and syncs meanwhile share the next.
 *   I3  After a transaction that failed none is begun until the database is acquired anew, which finds the state before that one: what
 *       was told to have failed is not written later.
 *   I4  A transaction writes nothing if somebody else has acquired the database since: a late owner is told SQLITE_IOERR.
 */

import { CAP_OWNED, OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SQLITE_IOERR, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, FullError, isDatabase, isLocked, SNAPSHOTS, Storage } from './base.js';
import { KeptFile } from './history.js';
import { MemoryFile } from './memory_file.js';

const DATABASE = 'turso-wasm';
const CHUNK = 8192;
const OWNER = 'owner';
/** A worker that is going away keeps its lock for a moment. */
const PATIENCE_MS = 5000;

/** A file in memory that knows what IndexedDB does not have yet. */
class MirroredFile extends MemoryFile {
  /** @type {Set<number>} */ #dirty = new Set();
  #storedSize;

  /** @param {Mirror} mirror @param {string} name @param {Uint8Array} bytes */
  constructor(mirror, name, bytes) {
    super(bytes);
    this.mirror = mirror;
    this.name = name;
    this.#storedSize = bytes.length;
  }

  /** @override @returns {number} */
  get capabilities() {
    return CAP_OWNED;
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    this.#touch(at, at + from.length);
    return super.write(from, at);
  }

  /** @override @param {number} size */
  truncate(size) {
    this.#touch(Math.min(size, this.size), Math.max(size, this.size));
    return super.truncate(size);
  }

  /** @param {number} start @param {number} end */
  #touch(start, end) {
    for (let i = Math.floor(start / CHUNK); i * CHUNK < end; i++) this.#dirty.add(i);
  }

  /** @override */
  sync() {
    this.mirror.flush();
    return 0;
  }

  get isDirty() {
    return this.#dirty.size > 0 || this.size !== this.#storedSize;
  }

  /** Write what changed; how many bytes. @param {IDBObjectStore} files @param {IDBObjectStore} chunks */
  save(files, chunks) {
    const { name, size } = this;
    const [dirty, storedSize] = [this.#dirty, this.#storedSize];
    this.#dirty = new Set();
    this.#storedSize = size;
    let written = 0;
    if (size < storedSize) chunks.delete(IDBKeyRange.bound([name, Math.ceil(size / CHUNK)], [name, []]));
    if (size === 0 && !isDatabase(name)) files.delete(name);
    else files.put(size, name);
    for (const i of dirty) {
      if (i * CHUNK >= size) continue;
      const chunk = this.bytes.slice(i * CHUNK, Math.min(size, (i + 1) * CHUNK));
      chunks.put(chunk, [name, i]);
      written += chunk.length;
    }
    return written;
  }
}

/** The files of one database, and their way into IndexedDB. */
class Mirror {
  /** By name. @type {Map<string, MirroredFile>} */ files = new Map();
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
    /** @type {string | undefined} */ this.id = crypto.getRandomValues(new Uint32Array(4)).join('-');
  }

  /** See I4. Where there is no room left for a text, there is one less. */
  async own() {
    try {
      await transaction(this.database, 'readwrite', (files) => files.put(this.id, [OWNER, this.name]));
    } catch (error) {
      const failure = failed(error);
      if (!(failure instanceof FullError)) throw failure;
      this.id = undefined;
      await transaction(this.database, 'readwrite', (files) => files.delete([OWNER, this.name]));
    }
  }

  /** Write what changed, after what is being written (I2). */
  flush() {
    if (this.#writing) {
      this.#again = true;
      return;
    }
    if (this.#failure || ![...this.files.values()].some((file) => file.isDirty)) return;
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
    let late = false;
    let size = 0;
    try {
      await transaction(this.database, 'readwrite', (files, chunks) => {
        const owner = files.get([OWNER, this.name]);
        owner.onsuccess = () => {
          late = owner.result !== this.id;
          if (late) files.transaction.abort();
        };
        for (const file of this.files.values()) if (file.isDirty) size += file.save(files, chunks);
      });
    } catch (error) {
      throw failed(late ? new Error('another tab has taken the database over') : error, size);
    }
  }
}

export class IndexedDbStorage extends Storage {
  /** @type {Map<string, Promise<Mirror>>} */ #mirrors = new Map();
  /** @type {Map<string, Mirror>} those that are there */ #ready = new Map();
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
    const loading = this.#mirrors.get(name);
    if (loading) {
      await loading;
      return this.acquire(name, { create });
    }
    const mirror = this.#load(name, create);
    this.#mirrors.set(name, mirror);
    try {
      this.#ready.set(name, await mirror);
    } finally {
      this.#mirrors.delete(name);
    }
  }

  /** @param {string} name @param {boolean} create */
  async #load(name, create) {
    const database = await this.#open(name);
    await this.#leaving.get(name);
    const letGo = await own(name, { signal: AbortSignal.timeout(PATIENCE_MS) });
    try {
      const mirror = new Mirror(database, name, letGo);
      if (!create && !(await read(database, name))) throw cannotOpen(name, 'there is no such database in IndexedDB');
      await mirror.own(); // from here on nobody else writes
      for (const suffix of ['', ...COMPANIONS, SNAPSHOTS]) {
        const bytes = (await read(database, name + suffix)) ?? new Uint8Array(0);
        mirror.files.set(name + suffix, new MirroredFile(mirror, name + suffix, bytes));
      }
      const [file, , log, snapshots] = mirror.files.values();
      mirror.main = new KeptFile(file, () => log);
      mirror.main.load(snapshots);
      return mirror;
    } catch (error) {
      letGo();
      throw error;
    }
  }

  /** @override @param {string} name */
  async release(name) {
    const mirror = this.#ready.get(name);
    if (!mirror || --mirror.users > 0) return;
    this.#ready.delete(name);
    mirror.flush();
    const leaving = Promise.resolve(mirror.isTold ? undefined : mirror.settled()).finally(mirror.letGo);
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
    let keys = /** @type {IDBRequest<IDBValidKey[]> | null} */ (null);
    await transaction(database, 'readonly', (files) => {
      keys = files.getAllKeys();
    });
    return /** @type {any} */ (keys).result.filter(
      (/** @type {IDBValidKey} */ key) => typeof key === 'string' && isDatabase(key),
    );
  }

  /** @override @param {string} name */
  async remove(name) {
    const database = await this.#open(name);
    if (this.#ready.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    await this.#leaving.get(name);
    const letGo = await own(name, { ifAvailable: true });
    try {
      await transaction(database, 'readwrite', (files, chunks) => {
        files.delete([OWNER, name]);
        for (const suffix of ['', ...COMPANIONS, SNAPSHOTS]) {
          files.delete(name + suffix);
          chunks.delete(chunksOf(name + suffix));
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
    const mirror = /** @type {Mirror} */ (this.#ready.get(name));
    const bytes = new Uint8Array(await content.arrayBuffer());
    await mirror.settled();
    for (const suffix of COMPANIONS) mirror.files.get(name + suffix)?.truncate(0);
    const main = /** @type {KeptFile} */ (mirror.main);
    main.truncate(0);
    main.write(bytes, 0);
    mirror.flush();
    await mirror.settled();
  }

  /** @override @param {string} name @returns {Promise<KeptFile>} */
  async history(name) {
    return /** @type {KeptFile} */ (this.#ready.get(name)?.main);
  }

  /** @param {string} name @returns {KeptFile | MirroredFile | null | undefined} */
  #file(name) {
    if (isDatabase(name)) return this.#ready.get(name)?.main;
    return this.#ready.get(name.slice(0, name.lastIndexOf('-')))?.files.get(name);
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

/** All chunks of a file. @param {string} name */
function chunksOf(name) {
  return IDBKeyRange.bound([name], [name, []]);
}

/** @returns {Promise<IDBDatabase>} */
function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('files');
      request.result.createObjectStore('chunks');
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
    request.onblocked = () => reject(new Error('another version of it is open'));
  });
}

/**
 * Make requests in a transaction; resolves when it is durable.
 * @param {IDBDatabase} database @param {IDBTransactionMode} mode @param {(files: IDBObjectStore, chunks: IDBObjectStore) => unknown} act
 * @returns {Promise<void>}
 */
function transaction(database, mode, act) {
  return new Promise((resolve, reject) => {
    const tx = database.transaction(['files', 'chunks'], mode, { durability: 'strict' });
    tx.oncomplete = () => resolve();
    tx.onabort = () => reject(tx.error ?? new Error('the transaction was aborted'));
    try {
      act(tx.objectStore('files'), tx.objectStore('chunks'));
    } catch (error) {
      tx.abort();
      reject(error);
    }
  });
}

/** A file's content, undefined when it does not exist. @param {IDBDatabase} database @param {string} name */
async function read(database, name) {
  /** @type {{size?: IDBRequest<number | undefined>, chunks?: IDBRequest<Uint8Array[]>}} */
  const found = {};
  await transaction(database, 'readonly', (files, chunks) => {
    found.size = files.get(name);
    found.chunks = chunks.getAll(chunksOf(name));
  });
  const size = found.size?.result;
  if (size === undefined) return undefined;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of found.chunks?.result ?? []) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
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
