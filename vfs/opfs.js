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

import { CAP_OWNED, CAP_STEPS, OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import {
  CANTOPEN,
  COMPANIONS,
  cannotOpen,
  FullError,
  isDatabase,
  isLocked,
  SNAPSHOTS,
  Storage,
  StoredFile,
} from './base.js';
import { KeptFile } from './history.js';

/** A worker that was terminated while busy keeps its handles for about two seconds. */
const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 5;
const UNAVAILABLE =
  'it needs the origin private file system, which only dedicated workers of secure pages have, and not in every browser\'s private windows; ":memory:" works everywhere';
const REDO = '-import';
const TRAILER_SIZE = 24;
const TRAILER_MAGIC = new TextEncoder().encode('turso-wasm impor');
const CHUNK = 4 << 20;

/** A file behind an access handle. */
class HandleFile extends StoredFile {
  /** @param {FileSystemSyncAccessHandle} handle @param {() => void} [onClose] */
  constructor(handle, onClose = () => {}) {
    super();
    this.handle = handle;
    this.close = onClose;
  }

  /** @override */
  get capabilities() {
    return CAP_OWNED | CAP_STEPS;
  }

  /** @override */
  get size() {
    return this.handle.getSize();
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.handle.read(into, { at });
  }

  /** @override @param {Uint8Array} from @param {number} at @throws {FullError} */
  write(from, at) {
    let written = 0;
    try {
      written = this.handle.write(from, { at });
    } catch (error) {
      if (!(error instanceof Error) || error.name !== 'QuotaExceededError') throw error;
    }
    if (written !== from.length) throw new FullError(from.length);
    return 0;
  }

  /** @override @param {number} size */
  truncate(size) {
    this.handle.truncate(size);
    return 0;
  }

  /** @override */
  sync() {
    this.handle.flush();
    return 0;
  }
}

/** @typedef {{directory: FileSystemDirectoryHandle, leaf: string, handle: FileSystemSyncAccessHandle, file: StoredFile}} Held */

export class OpfsStorage extends Storage {
  /** @type {Map<string, Held>} */ #held = new Map();
  /** @type {Map<string, number>} how often a database was acquired */ #users = new Map();
  /** @type {Map<string, Promise<void>>} */ #acquiring = new Map();
  /** @type {Map<string, Promise<void>>} what releasing left to do */ #leaving = new Map();

  /** Files of snapshots that are being opened. @type {Map<string, Promise<FileSystemSyncAccessHandle>>} */ #histories =
    new Map();
  #untilClosed;

  /** @param {{untilClosed?: boolean}} [options] untilClosed: a database is released when its file is closed, whoever acquired it */
  constructor({ untilClosed = false } = {}) {
    super();
    this.#untilClosed = untilClosed;
  }

  /** @override */
  get isOfOrigin() {
    return true;
  }

  /** @override */
  get keepsHistory() {
    return true;
  }

  /** Whether this context can use it: a dedicated worker of a browser with access handles. */
  static get available() {
    return typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
  }

  /** Whether a database is acquired here. @param {string} name */
  has(name) {
    return this.#users.has(name);
  }

  /** Whether the browser gives this origin a root. */
  static async isUsable() {
    return rootOf('the root').then(
      () => true,
      () => false,
    );
  }

  /**
   * See Storage. Waits up to five seconds for a former owner that is going away.
   * @override
   * @param {string} name a path below the origin's root, "folder/app.db"
   * @param {{create?: boolean, patience?: number}} [options]
   */
  async acquire(name, { create = true, patience = PATIENCE_MS } = {}) {
    if (!OpfsStorage.available) throw cannotOpen(name, UNAVAILABLE);
    const users = this.#users.get(name) ?? 0;
    this.#users.set(name, users + 1);
    if (!users) this.#acquiring.set(name, this.#acquireAll(name, create, patience));
    try {
      await this.#acquiring.get(name);
    } catch (error) {
      await this.release(name);
      throw error;
    }
  }

  /** @param {string} name @param {boolean} create @param {number} patience milliseconds */
  async #acquireAll(name, create, patience) {
    await this.#leaving.get(name);
    const { directory, leaf } = await locate(name, create);
    for (const suffix of ['', ...COMPANIONS]) {
      const handle = await openHandle(directory, leaf + suffix, name, create || suffix !== '', patience);
      const onClose = this.#untilClosed && !suffix ? () => this.#letGo(name) : undefined;
      const own = new HandleFile(handle, onClose);
      const file = suffix ? own : new KeptFile(own, () => this.#held.get(`${name}-wal`)?.file);
      this.#held.set(name + suffix, { directory, leaf: leaf + suffix, handle, file });
    }
    if (await exists(directory, leaf + SNAPSHOTS)) await this.history(name);
    await this.#redo(name);
  }

  /** @override @param {string} name @returns {Promise<KeptFile>} */
  async history(name) {
    const { directory, leaf, file } = /** @type {Held} */ (this.#held.get(name));
    const kept = /** @type {KeptFile} */ (file);
    if (!kept.isLasting) {
      const opening = this.#histories.get(name) ?? openHandle(directory, leaf + SNAPSHOTS, name, true);
      this.#histories.set(name, opening);
      const handle = await opening.finally(() => this.#histories.delete(name));
      if (this.#held.get(name)?.file !== kept) {
        handle.close();
        throw cannotOpen(name, 'it was closed');
      }
      const own = new HandleFile(handle);
      this.#held.set(name + SNAPSHOTS, { directory, leaf: leaf + SNAPSHOTS, handle, file: own });
      if (!kept.isLasting) kept.load(own);
    }
    return kept;
  }

  /** See Storage. The handles are closed when this returns, before anything is awaited. @override @param {string} name */
  async release(name) {
    const users = (this.#users.get(name) ?? 1) - 1;
    this.#users.set(name, users);
    if (users <= 0) await this.#letGo(name);
  }

  /** @param {string} name */
  async #letGo(name) {
    this.#users.delete(name);
    this.#acquiring.delete(name);
    const leaving = this.#cleanUp(this.#closeHandles(name));
    this.#leaving.set(name, leaving);
    await leaving;
    if (this.#leaving.get(name) === leaving) this.#leaving.delete(name);
  }

  /** The companions that are empty. @param {string} name @returns {Held[]} */
  #closeHandles(name) {
    const empty = [];
    for (const suffix of ['', ...COMPANIONS, SNAPSHOTS]) {
      const held = this.#held.get(name + suffix);
      if (!held) continue;
      this.#held.delete(name + suffix);
      if (suffix && held.file.size === 0) empty.push(held);
      held.handle.close();
    }
    return empty;
  }

  /** @param {Held[]} empty */
  async #cleanUp(empty) {
    for (const { directory, leaf } of empty) await directory.removeEntry(leaf).catch(() => undefined);
  }

  /** See Storage: the files below the root. @override */
  async list() {
    const names = [];
    const root = await rootOf('the list of databases');
    for await (const [name, handle] of root.entries()) if (handle.kind === 'file') names.push(name);
    return names.filter((name) => isDatabase(name) && !name.endsWith(REDO));
  }

  /** See Storage. @override @param {string} name */
  async remove(name) {
    if (this.#users.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    await this.#leaving.get(name);
    const root = await rootOf(name);
    const found = await locate(name, false, root).catch(() => null);
    if (!found) return;
    for (const suffix of ['', ...COMPANIONS, SNAPSHOTS, REDO]) {
      await found.directory.removeEntry(found.leaf + suffix).catch((error) => {
        if (error.name === 'NoModificationAllowedError') throw isLocked(name, error);
        if (error.name !== 'NotFoundError') throw cannotOpen(name, error);
      });
    }
  }

  // --- whole files ------------------------------------------------------------------------------

  /** @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    const staged = await this.stage(name);
    try {
      for (let at = 0; at < content.size; at += CHUNK) await staged.write(content.slice(at, at + CHUNK));
      await staged.commit();
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** Into the redo log. @override @param {string} name @returns {Promise<import('./staging.js').Staged>} */
  async stage(name) {
    const { directory, leaf } = /** @type {Held} */ (this.#held.get(name));
    const open = async () => new HandleFile(await openHandle(directory, leaf + REDO, name, true));
    /** @type {HandleFile | null} */
    let log = await open();
    let size = 0;
    log.truncate(0);
    const close = () => {
      log?.handle.close();
      log = null;
    };
    return {
      async write(part) {
        log ??= await open();
        const bytes = new Uint8Array(await part.arrayBuffer());
        log.write(bytes, size);
        size += bytes.length;
      },
      async content() {
        close();
        return (await directory.getFileHandle(leaf + REDO)).getFile();
      },
      commit: async () => {
        log ??= await open();
        log.sync();
        log.write(trailerOf(size), size);
        log.sync();
        close();
        await this.#redo(name);
      },
      async discard() {
        close();
        await directory.removeEntry(leaf + REDO).catch(() => undefined);
      },
    };
  }

  /** Apply a complete redo log, remove an incomplete one (O4). @param {string} name */
  async #redo(name) {
    const { directory, leaf, file } = /** @type {Held} */ (this.#held.get(name));
    if (!(await exists(directory, leaf + REDO))) return;
    const log = new HandleFile(await openHandle(directory, leaf + REDO, name, false));
    try {
      const size = completeSize(log);
      if (size >= 0) {
        for (const suffix of COMPANIONS) this.#held.get(name + suffix)?.file.truncate(0);
        file.truncate(size);
        const chunk = new Uint8Array(CHUNK);
        for (let at = 0; at < size; at += CHUNK) {
          file.write(chunk.subarray(0, log.read(chunk.subarray(0, Math.min(CHUNK, size - at)), at)), at);
        }
        for (const suffix of ['', ...COMPANIONS]) this.#held.get(name + suffix)?.file.sync();
      }
    } finally {
      log.handle.close();
    }
    await directory.removeEntry(leaf + REDO);
  }

  // --- files --------------------------------------------------------------------------------------

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    const file = this.#held.get(name)?.file;
    if (!file || (!(flags & OPEN_CREATE) && file.size === 0)) return CANTOPEN;
    return file;
  }

  /** @override @param {string} name @param {boolean} durable */
  delete(name, durable) {
    const file = this.#held.get(name)?.file;
    file?.truncate(0);
    if (durable) file?.sync();
    return 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return (this.#held.get(name)?.file.size ?? 0) > 0;
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

/** @param {string} what is wanted of it */
async function rootOf(what) {
  if (!globalThis.navigator?.storage?.getDirectory) {
    throw cannotOpen(what, UNAVAILABLE);
  }
  try {
    return await navigator.storage.getDirectory();
  } catch (error) {
    throw cannotOpen(what, error);
  }
}

/** @param {string} name @param {boolean} create @param {FileSystemDirectoryHandle} [root] */
async function locate(name, create, root) {
  const parts = name.split('/').filter(Boolean);
  const leaf = parts.pop() ?? '';
  let directory = root ?? (await rootOf(name));
  try {
    for (const part of parts) directory = await directory.getDirectoryHandle(part, { create });
    await directory.getFileHandle(leaf, { create });
    return { directory, leaf };
  } catch (error) {
    throw cannotOpen(name, error);
  }
}

/**
 * An access handle, waiting for one that is still held, or a companion that a former owner is still removing.
 * @param {FileSystemDirectoryHandle} directory
 * @param {string} leaf
 * @param {string} name
 * @param {boolean} create
 * @param {number} [patience] milliseconds
 */
async function openHandle(directory, leaf, name, create, patience = PATIENCE_MS) {
  const deadline = performance.now() + patience;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, 250)) {
    try {
      const entry = await directory.getFileHandle(leaf, { create });
      return await entry.createSyncAccessHandle();
    } catch (error) {
      const reason = error instanceof DOMException ? error.name : '';
      const isHeld = reason === 'NoModificationAllowedError';
      const isGoing = create && reason === 'NotFoundError';
      if (!isHeld && !isGoing) throw cannotOpen(name, error);
      if (performance.now() > deadline) throw isHeld ? isLocked(name, error) : cannotOpen(name, error);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
