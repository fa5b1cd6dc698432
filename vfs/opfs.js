/**
 * Files in the origin private file system, through synchronous access handles (dedicated workers only).
 *
 * A database is owned: its handles are opened once (`acquire`, asynchronous) and kept, so that every later call is synchronous and
 * a warm read needs none. Files are plain: what lies in OPFS under a database's name is a SQLite file.
 *
 * Invariants:
 *   O1  Every file a transaction may need (database, -journal, -wal) has its handle before the database is opened; a file that
 *       "does not exist" is an empty one, deleting is truncating. Empty companions are removed on release.
 *   O2  A short write, or a QuotaExceededError, is SQLITE_FULL. (In private windows Chromium returns a huge number instead.)
 *   O3  Temporary files live in memory: they need no durability and opening a handle is asynchronous.
 */

import { CANTOPEN, CAP_OWNED, FULL, OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP } from './base.js';
import { MemoryFile, MemoryVfs } from './memory.js';

const COMPANIONS = ['-journal', '-wal'];
/** A worker that was terminated while busy keeps its handles for about two seconds. */
const PATIENCE_MS = 5000;
const FIRST_PAUSE_MS = 5;

export class DatabaseBusy extends Error {
  /** @param {string} name @param {unknown} cause */
  constructor(name, cause) {
    super(`database is locked: ${name} is open in another tab or worker`, { cause });
    this.name = 'DatabaseBusy';
  }
}

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
}

export class OpfsVfs extends MemoryVfs {
  /** @type {Map<string, {directory: FileSystemDirectoryHandle, file: HandleFile, leaf: string}>} */ #held = new Map();
  /** @type {Map<string, number>} how often a database was acquired */ #users = new Map();

  /** Whether this context can use it: a dedicated worker of a browser with access handles. */
  static get available() {
    return typeof FileSystemFileHandle !== 'undefined' && 'createSyncAccessHandle' in FileSystemFileHandle.prototype;
  }

  /**
   * Own a database's files. Waits up to five seconds for a former owner that is going away.
   * @param {string} name a path below the origin's root, "folder/app.db"
   * @throws {DatabaseBusy} when somebody else has it open
   */
  async acquire(name) {
    const users = this.#users.get(name) ?? 0;
    this.#users.set(name, users + 1);
    if (users) return;
    try {
      const { directory, leaf } = await locate(name, true);
      for (const suffix of ['', ...COMPANIONS]) {
        const handle = await openHandle(directory, leaf + suffix, name);
        this.#held.set(name + suffix, { directory, leaf: leaf + suffix, file: new HandleFile(handle) });
      }
    } catch (error) {
      await this.#letGo(name);
      throw error;
    }
  }

  /** Give a database up, after its last connection was closed. @param {string} name */
  async release(name) {
    const users = (this.#users.get(name) ?? 1) - 1;
    this.#users.set(name, users);
    if (users === 0) await this.#letGo(name);
  }

  /** Close every handle at once, synchronously: the page is going away. */
  releaseAll() {
    for (const { file } of this.#held.values()) file.handle.close();
    this.#held.clear();
    this.#users.clear();
  }

  /** @param {string} name */
  async #letGo(name) {
    this.#users.delete(name);
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
    // @ts-ignore: async iteration is missing from some lib.dom versions
    for await (const [name, handle] of root.entries()) if (handle.kind === 'file') names.push(name);
    return names.filter((name) => !COMPANIONS.some((suffix) => name.endsWith(suffix)));
  }

  /** Delete a database and its companions; nobody may have it open. @param {string} name */
  static async remove(name) {
    const { directory, leaf } = await locate(name, false).catch(() => ({ directory: null, leaf: '' }));
    if (!directory) return;
    for (const suffix of ['', ...COMPANIONS]) {
      await directory.removeEntry(leaf + suffix).catch((error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    }
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

/** @param {string} name @param {boolean} create */
async function locate(name, create) {
  const parts = name.split('/').filter(Boolean);
  const leaf = parts.pop();
  if (!leaf) throw new TypeError(`not a database name: ${JSON.stringify(name)}`);
  let directory = await navigator.storage.getDirectory();
  for (const part of parts) directory = await directory.getDirectoryHandle(part, { create });
  return { directory, leaf };
}

/**
 * An access handle, waiting for one that is still held.
 * @param {FileSystemDirectoryHandle} directory
 * @param {string} leaf
 * @param {string} name
 */
async function openHandle(directory, leaf, name) {
  const entry = await directory.getFileHandle(leaf, { create: true });
  const deadline = performance.now() + PATIENCE_MS;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, 250)) {
    try {
      return await entry.createSyncAccessHandle();
    } catch (error) {
      const held = error instanceof DOMException && error.name === 'NoModificationAllowedError';
      if (!held) throw error;
      if (performance.now() > deadline) throw new DatabaseBusy(name, error);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}
