/**
 * Databases that are given to the page, and not its own: a Blob with its log, what lies at a URL, or what one of its own was at a snapshot.
 * They are read where they are; what is changed goes to an overlay, in memory or in a file in OPFS.
 *
 * A URL is a name that can be acquired as it is; anything else gets one from `add`.
 */

import { CAP_OWNED, OPEN_CREATE } from '../base/abi.js';
import { SQLITE_BUSY, SqlError } from '../base/errors.js';
import { CANTOPEN, COMPANIONS, cannotOpen, isUrl, Storage } from './base.js';
import { BlobSource, nameOf } from './blob.js';
import { BlockFile } from './blocks.js';
import { MemoryFile } from './memory_file.js';
import { Overlay } from './overlay.js';
import { openUrl } from './remote.js';
import { Source, SourceFile } from './source.js';

/** Where pages fetched from URLs are kept. */
const CACHE = 'turso-wasm-cache/';

/**
 * @typedef {object} Gift
 * @property {Blob | string | Source} source a Blob, a URL, or what is there already
 * @property {Blob} [wal] the log that lies beside it
 * @property {true | string} [overlay] changes are kept: true: in memory; a name: in OPFS, under it
 * @property {boolean} [download] fetch the whole of a file that the server does not send in parts
 * @property {AbortSignal} [signal]
 * @property {() => Promise<unknown>} [close] called when it is given up
 * @property {string} [kind] of storage, as it is told
 */

/** Private to a connection; unlike files that are kept, they need a name for `delete` only. */
class ScratchFile extends MemoryFile {
  /** @override */
  get capabilities() {
    return CAP_OWNED;
  }
}

/** A database that is open. */
class Given {
  users = 0;
  /** @type {Promise<void> | null} */ opened = null;
  /** By suffix. @type {Map<string, import('./base.js').StoredFile>} */ files = new Map();
  /** @type {(() => Promise<unknown>)[]} */ #closing = [];

  /** @param {Gift} gift @param {import('./opfs.js').OpfsStorage | null} opfs */
  constructor(gift, opfs) {
    this.gift = gift;
    this.opfs = opfs;
    if (gift.close) this.#closing.push(gift.close);
  }

  /** The main file. @returns {SourceFile | Overlay | undefined} */
  get main() {
    return /** @type {any} */ (this.files.get(''));
  }

  async open() {
    const { source, wal, overlay } = this.gift;
    const main = await this.#openMain(source);
    const log = wal?.size ? await BlobSource.open(wal) : null;
    if (overlay) return this.#lay(overlay, main, log);
    this.files.set('', new SourceFile(main));
    if (log) this.files.set('-wal', new SourceFile(log));
  }

  /** @param {Gift['source']} source */
  async #openMain(source) {
    if (source instanceof Source) {
      this.#closing.unshift(() => source.close());
      return source;
    }
    return typeof source === 'string' ? this.#openUrl(source) : BlobSource.open(source);
  }

  /** @param {string} url */
  async #openUrl(url) {
    const { download, signal } = this.gift;
    const source = await openUrl(url, { download, signal, cache: () => this.#cache(url) });
    this.#closing.unshift(() => source.close());
    return source;
  }

  /** A file for what is fetched; null: there is none, or somebody else has it. @param {string} url */
  async #cache(url) {
    const { opfs } = this;
    if (!opfs) return null;
    try {
      const name = await cacheOf(url);
      await opfs.acquire(name, { patience: 0 });
      this.#closing.push(() => opfs.release(name));
      return /** @type {import('./base.js').StoredFile} */ (opfs.open(name, OPEN_CREATE));
    } catch {
      return null;
    }
  }

  /** @param {true | string} overlay @param {Source} main @param {Source | null} log */
  async #lay(overlay, main, log) {
    const identity = log ? `${main.identity} ${log.identity}` : main.identity;
    const place = overlay === true ? () => new ScratchFile() : await this.#place(overlay);
    const over = (/** @type {Source} */ source, /** @type {string} */ suffix) => {
      const blocks = BlockFile.open(place(suffix), identity);
      if (blocks) return new Overlay(source, blocks);
      const why = `the overlay "${overlay}" is of another file, or of this one before it was changed; remove() forgets it`;
      throw cannotOpen(main.name, why);
    };
    this.files.set('', over(main, ''));
    this.files.set('-wal', log ? over(log, '-wal') : place('-wal'));
    this.files.set('-journal', place('-journal'));
  }

  /** Files in OPFS. @param {string} overlay its name @returns {Promise<(suffix: string) => import('./base.js').StoredFile>} */
  async #place(overlay) {
    const { opfs } = this;
    if (!opfs) throw cannotOpen(overlay, 'there is no OPFS for an overlay');
    if (opfs.has(overlay)) throw new SqlError(`database is locked: the overlay ${overlay} is open`, SQLITE_BUSY);
    await opfs.acquire(overlay);
    this.#closing.push(() => opfs.release(overlay));
    return (suffix) => /** @type {import('./base.js').StoredFile} */ (opfs.open(overlay + suffix, OPEN_CREATE));
  }

  /** What it holds was saved to a Blob, which is what it lies over from now on. @param {Blob} content */
  async rest(content) {
    const source = await BlobSource.open(content);
    source.figures = /** @type {Overlay} */ (this.main).source.figures;
    for (const suffix of COMPANIONS) this.files.get(suffix)?.truncate(0);
    /** @type {Overlay} */ (this.main).rest(source);
  }

  async close() {
    for (const close of this.#closing.splice(0)) await close();
    this.files.clear();
  }
}

export class GivenStorage extends Storage {
  /** @type {Map<string, Given>} */ #given = new Map();
  #next = 1;

  /** @param {import('./opfs.js').OpfsStorage | null} [opfs] for overlays, and for what is fetched */
  constructor(opfs = null) {
    super();
    this.opfs = opfs;
  }

  /** @override */
  get isShared() {
    return false;
  }

  /** Take a database in, until it is released. @param {Gift} gift @returns {string} its name */
  add(gift) {
    const { source } = gift;
    const shown = source instanceof Source ? source.name : typeof source === 'string' ? source : nameOf(source);
    const name = `${this.#next++}/${shown}`;
    this.#given.set(name, new Given(gift, this.opfs));
    return name;
  }

  /** @override @param {string} name @param {{download?: boolean, signal?: AbortSignal}} [options] */
  async acquire(name, { download, signal } = {}) {
    const given = this.#given.get(name) ?? (isUrl(name) && new Given({ source: name, download, signal }, this.opfs));
    if (!given) throw cannotOpen(name, 'there is no such file');
    this.#given.set(name, given);
    given.users++;
    try {
      given.opened ??= given.open();
      await given.opened;
    } catch (error) {
      await this.release(name);
      throw error;
    }
  }

  /** @override @param {string} name */
  async release(name) {
    const given = this.#given.get(name);
    if (!given || --given.users > 0) return;
    this.#given.delete(name);
    await given.close();
  }

  /** Forget what was fetched from a URL. @override @param {string} name */
  async remove(name) {
    if (!isUrl(name)) return super.remove(name);
    if (this.#given.has(name)) throw new SqlError(`database is locked: ${name} is open`, SQLITE_BUSY);
    await this.opfs?.remove(await cacheOf(name));
  }

  /**
   * `content` is what a database with an overlay holds: the overlay is done with.
   * @override @param {string} name @param {Blob} content
   */
  async replace(name, content) {
    const given = this.#given.get(name);
    if (!(given?.main instanceof Overlay)) return super.replace(name, content);
    await given.rest(content);
  }

  /** The kind of storage that it was said to have. @param {string} name */
  kindOf(name) {
    return this.#given.get(name)?.gift.kind;
  }

  /** What was read of its source so far. @param {string} name */
  figures(name) {
    const source = this.#given.get(name)?.main?.source;
    return source && { size: source.size, ...source.figures };
  }

  /** @param {string} name */
  #find(name) {
    const found = this.#given.get(name);
    if (found) return found.files.get('');
    const suffix = COMPANIONS.find((one) => name.endsWith(one)) ?? '';
    return this.#given.get(name.slice(0, name.length - suffix.length))?.files.get(suffix);
  }

  /** @override @param {string} name */
  open(name) {
    return this.#find(name) ?? CANTOPEN;
  }

  /** @override @param {string} name @param {boolean} durable */
  delete(name, durable) {
    const file = this.#find(name);
    if (!file) return super.delete(name, durable);
    return file.truncate(0) || (durable ? file.sync() : 0);
  }

  /** @override @param {string} name */
  exists(name) {
    const file = this.#find(name);
    return file !== undefined && (file.size > 0 || this.#given.has(name));
  }
}

/** Where what is fetched from a URL is kept. @param {string} url */
async function cacheOf(url) {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(url));
  return CACHE + Array.from(new Uint8Array(digest, 0, 16), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
