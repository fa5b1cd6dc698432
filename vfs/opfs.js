/**
 * Files in the origin private file system, through synchronous access handles (dedicated workers only).
 *
 * A database is owned: its handles are opened once (`acquire`, asynchronous) and kept, so that every later call is synchronous and
 * a warm read needs none. Files are plain: what lies in OPFS under a database's name is a SQLite file.
 *
 * A whole file is replaced through a redo log, "<name>-import": the new content, then a trailer that says it is complete:
 *
 *   OFFSET    SIZE  MEANING
 *   0         n     the content
 *   n         16    "turso-wasm import"'s first 16 bytes
 *   n + 16    8     n, little-endian
 *
 * Invariants:
 *   O1  Every file a transaction may need (database, -journal, -wal) has its handle before the database is opened; a file that
 *       "does not exist" is an empty one, deleting is truncating. Empty companions are removed on release.
 *   O2  A short write, or a QuotaExceededError, is SQLITE_FULL. (In private windows Chromium returns a huge number instead.)
 *   O3  Temporary files live in memory: they need no durability and opening a handle is asynchronous.
 *   O4  A complete redo log is applied before anybody reads the database, however often that is interrupted; an incomplete one
 *       is thrown away.
 */

import { SQLITE_BUSY, SQLITE_CANTOPEN, SqlError } from '../base/errors.js';
import { CANTOPEN, CAP_OWNED, COMPANIONS, FULL, OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP } from './base.js';
import { MemoryFile, MemoryVfs } from './memory.js';

/** A worker that was terminated while busy keeps its handles for about two seconds. */
const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 5;
const REDO = '-import';
const TRAILER_SIZE = 24;
const TRAILER_MAGIC = new TextEncoder().encode('turso-wasm impor');
const CHUNK = 4 << 20;

/** A file behind an access handle. It mirrors the interface of MemoryFile. */
class HandleFile {
  /** @param {FileSystemSyncAccessHandle} handle */
  constructor(handle) {
    this.handle = handle;
  }

  get size() {
    return this.handle.getSize();
  }

  /** @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.handle.read(into, { at });
  }

  /** @param {Uint8Array} from @param {number} at */
  write(from, at) {
    return this.handle.write(from, { at }) === from.length ? 0 : FULL;
  }

  /** @param {number} size */
  resize(size) {
    this.handle.truncate(size);
    return 0;
  }

  sync() {
    this.handle.flush();
  }

  /** @param {Uint8Array} from @param {number} at @throws {SqlError} SQLITE_FULL */
  mustWrite(from, at) {
    try {
      if (this.write(from, at) === 0) return;
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'QuotaExceededError') throw error;
    }
    throw new SqlError('database or disk is full', -FULL);
  }
}

/** @typedef {{directory: FileSystemDirectoryHandle, file: HandleFile, leaf: string}} Held */

export class OpfsVfs extends MemoryVfs {
  /** @type {Map<string, Held>} */ #held = new Map();
  /** @type {Map<string, number>} how often a database was acquired */ #users = new Map();
  /** @type {Map<string, Promise<void>>} */ #acquiring = new Map();

  /** Whether this context can use it: a dedicated worker of a browser with access handles. */
  static get available() {
    return typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
  }

  /**
   * Own a database's files. Waits up to five seconds for a former owner that is going away.
   * @param {string} name a path below the origin's root, "folder/app.db"
   * @param {{create?: boolean}} [options] create: false: it must exist
   * @throws {SqlError} SQLITE_BUSY when somebody else has it open, SQLITE_CANTOPEN when it does not exist or has no possible name
   */
  async acquire(name, { create = true } = {}) {
    const users = this.#users.get(name) ?? 0;
    this.#users.set(name, users + 1);
    if (users) return this.#acquiring.get(name);
    const acquiring = this.#acquireAll(name, create);
    this.#acquiring.set(name, acquiring);
    try {
      await acquiring;
    } catch (error) {
      await this.#letGo(name);
      throw error;
    }
  }

  /** @param {string} name @param {boolean} create */
  async #acquireAll(name, create) {
    const { directory, leaf } = await locate(name, create);
    for (const suffix of ['', ...COMPANIONS]) {
      const handle = await openHandle(directory, leaf + suffix, name, create || suffix !== '');
      this.#held.set(name + suffix, { directory, leaf: leaf + suffix, file: new HandleFile(handle) });
    }
    await this.#redo(name);
  }

  /** Give a database up, after its last connection was closed. @param {string} name */
  async release(name) {
    const users = (this.#users.get(name) ?? 1) - 1;
    this.#users.set(name, users);
    if (users <= 0) await this.#letGo(name);
  }

  /** Close every handle at once, synchronously: the page is going away. */
  releaseAll() {
    for (const { file } of this.#held.values()) file.handle.close();
    this.#held.clear();
    this.#users.clear();
    this.#acquiring.clear();
  }

  /** @param {string} name */
  async #letGo(name) {
    this.#users.delete(name);
    this.#acquiring.delete(name);
    for (const suffix of ['', ...COMPANIONS]) {
      const held = this.#held.get(name + suffix);
      if (!held) continue;
      this.#held.delete(name + suffix);
      const empty = held.file.size === 0;
      held.file.handle.close();
      if (suffix && empty) await held.directory.removeEntry(held.leaf).catch(() => undefined);
    }
  }

  /** The names of the files below the root. */
  static async list() {
    const names = [];
    const root = await navigator.storage.getDirectory();
    for await (const [name, handle] of root.entries()) if (handle.kind === 'file') names.push(name);
    return names.filter((name) => ![...COMPANIONS, REDO].some((suffix) => name.endsWith(suffix)));
  }

  /** Delete a database and its companions; nobody may have it open. @param {string} name */
  static async remove(name) {
    const { directory, leaf } = await locate(name, false).catch(() => ({ directory: null, leaf: '' }));
    if (!directory) return;
    for (const suffix of ['', ...COMPANIONS, REDO]) {
      await directory.removeEntry(leaf + suffix).catch((error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    }
  }

  // --- whole files ------------------------------------------------------------------------------

  /** @override @param {string} name @returns {Uint8Array<ArrayBuffer>} */
  contentOf(name) {
    const held = this.#held.get(name);
    if (!held) return super.contentOf(name);
    const bytes = new Uint8Array(held.file.size);
    held.file.read(bytes, 0);
    return bytes;
  }

  /** @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    const held = this.#held.get(name);
    if (!held) return super.replace(name, content);
    const handle = await openHandle(held.directory, held.leaf + REDO, name, true);
    try {
      const log = new HandleFile(handle);
      log.resize(0);
      for (let at = 0; at < content.size; at += CHUNK) {
        log.mustWrite(new Uint8Array(await content.slice(at, at + CHUNK).arrayBuffer()), at);
      }
      log.sync();
      log.mustWrite(trailerOf(content.size), content.size);
      log.sync();
    } catch (error) {
      handle.close();
      await held.directory.removeEntry(held.leaf + REDO).catch(() => undefined);
      throw error;
    }
    handle.close();
    await this.#redo(name);
  }

  /** Apply a complete redo log, remove an incomplete one (O4). @param {string} name */
  async #redo(name) {
    const { directory, leaf, file } = /** @type {Held} */ (this.held(name));
    if (!(await exists(directory, leaf + REDO))) return;
    const log = new HandleFile(await openHandle(directory, leaf + REDO, name, false));
    try {
      const size = completeSize(log);
      if (size >= 0) {
        for (const suffix of COMPANIONS) this.held(name + suffix)?.file.resize(0);
        file.resize(size);
        const chunk = new Uint8Array(CHUNK);
        for (let at = 0; at < size; at += CHUNK) {
          file.mustWrite(chunk.subarray(0, log.read(chunk.subarray(0, Math.min(CHUNK, size - at)), at)), at);
        }
        for (const suffix of ['', ...COMPANIONS]) this.held(name + suffix)?.file.sync();
      }
    } finally {
      log.handle.close();
    }
    await directory.removeEntry(leaf + REDO);
  }

  /** @param {string} name */
  held(name) {
    return this.#held.get(name);
  }

  // --- the synchronous interface ----------------------------------------------------------------

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    if (flags & (OPEN_TEMP | OPEN_MEMORY)) return super.open(name, flags);
    const held = this.#held.get(name);
    if (!held) return CANTOPEN;
    if (!(flags & OPEN_CREATE) && held.file.size === 0) return CANTOPEN;
    return this.openFile(/** @type {any} */ (held.file));
  }

  /** @override @param {string} name */
  delete(name) {
    return this.#held.get(name)?.file.resize(0) ?? 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return (this.#held.get(name)?.file.size ?? 0) > 0;
  }

  /** @override @param {number} fd */
  sync(fd) {
    /** @type {any} */ (this.file(fd)).sync?.();
    return 0;
  }

  /** @override @param {number} [fd] */
  capabilities(fd) {
    return fd !== undefined && this.file(fd) instanceof MemoryFile ? super.capabilities() : CAP_OWNED;
  }
}

/** What marks a redo log as complete. @param {number} size bytes of its content */
function trailerOf(size) {
  const trailer = new Uint8Array(TRAILER_SIZE);
  trailer.set(TRAILER_MAGIC);
  new DataView(trailer.buffer).setBigUint64(16, BigInt(size), true);
  return trailer;
}

/** The size of a redo log's content, -1 when it is not complete. @param {HandleFile} log */
function completeSize(log) {
  const size = log.size - TRAILER_SIZE;
  const trailer = new Uint8Array(TRAILER_SIZE);
  if (size < 0 || log.read(trailer, size) !== TRAILER_SIZE) return -1;
  return trailerOf(size).every((byte, i) => byte === trailer[i]) ? size : -1;
}

/** @param {FileSystemDirectoryHandle} directory @param {string} leaf */
async function exists(directory, leaf) {
  try {
    await directory.getFileHandle(leaf);
    return true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotFoundError') return false;
    throw error;
  }
}

/** @param {unknown} error @param {string} name */
function cannotOpen(error, name) {
  const why = error instanceof Error ? error.message : String(error);
  return new SqlError(`unable to open database file: ${name}: ${why}`, SQLITE_CANTOPEN, -1, { cause: error });
}

/** @param {string} name @param {boolean} create */
async function locate(name, create) {
  const parts = name.split('/').filter(Boolean);
  const leaf = parts.pop() ?? '';
  try {
    let directory = await navigator.storage.getDirectory();
    for (const part of parts) directory = await directory.getDirectoryHandle(part, { create });
    await directory.getFileHandle(leaf, { create });
    return { directory, leaf };
  } catch (error) {
    throw cannotOpen(error, name);
  }
}

/**
 * An access handle, waiting for one that is still held.
 * @param {FileSystemDirectoryHandle} directory
 * @param {string} leaf
 * @param {string} name
 * @param {boolean} create
 */
async function openHandle(directory, leaf, name, create) {
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, 250)) {
    try {
      const entry = await directory.getFileHandle(leaf, { create });
      return await entry.createSyncAccessHandle();
    } catch (error) {
      const isHeld = error instanceof DOMException && error.name === 'NoModificationAllowedError';
      if (!isHeld) throw cannotOpen(error, name);
      if (performance.now() > deadline) {
        throw new SqlError(`database is locked: ${name} is open in another tab or worker`, SQLITE_BUSY, -1, {
          cause: error,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
