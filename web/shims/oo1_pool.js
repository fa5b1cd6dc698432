/**
 * sqlite-wasm's pool of files in OPFS, "opfs-sahpool": files are acquired ahead, so that databases of any name can be opened at once.
 *
 * Which file is which database is kept in one of them, a database too. Pools of the original are not read: `importDb` takes what its
 * `exportFile` gave.
 */

import { OPEN_CREATE } from '../../base/abi.js';
import { joined, PAGES, withoutWal } from '../image.js';
import { openMemory, openNamed, storeOf } from './memory.js';
import { SQLite3Error } from './oo1_stmt.js';

const CANTOPEN = 14;
const SCHEMA = 'CREATE TABLE IF NOT EXISTS pool(slot INTEGER PRIMARY KEY, name TEXT UNIQUE)';

export class Pool {
  #engine;
  #index;
  #paused = false;
  #removed = () => {};
  /** Databases that are open, by name. @type {Map<string, number>} */ #open = new Map();

  /** @param {import('./memory.js').Engine} engine @param {string} vfsName @param {{initialCapacity: number, clearOnInit: boolean}} options */
  static async install(engine, vfsName, { initialCapacity, clearOnInit }) {
    const file = (/** @type {number | string} */ slot) => engine.stores.path(`${vfsName}-${slot}`, 'opfs');
    await engine.files.acquire(file('index'), { create: true });
    const index = openNamed(engine, `${vfsName}-index`, 'opfs', { create: true, readonly: false });
    index.exec(SCHEMA);
    const pool = new Pool(engine, vfsName, index);
    for (const slot of pool.#slots()) await engine.files.acquire(file(slot), { create: true });
    if (clearOnInit) await pool.wipeFiles();
    await pool.reserveMinimumCapacity(initialCapacity);
    return pool;
  }

  /** @param {import('./memory.js').Engine} engine @param {string} vfsName @param {any} index */
  constructor(engine, vfsName, index) {
    this.#engine = engine;
    this.#index = index;
    this.vfsName = vfsName;
  }

  /** @returns {number[]} */
  #slots(where = '') {
    return this.#index.prepare(`SELECT slot FROM pool ${where}`).pluck().all();
  }

  /** @param {number} slot */
  #file(slot) {
    return this.#engine.stores.path(`${this.vfsName}-${slot}`, 'opfs');
  }

  /** @param {string} name @returns {number} */
  #slotOf(name) {
    const slot = this.#index.prepare('SELECT slot FROM pool WHERE name = ?').pluck().get(absolute(name));
    if (slot === undefined) throw new SQLite3Error(`File not found: ${name}`, CANTOPEN);
    return slot;
  }

  /** Its file, one that is free if it has none. @param {string} name @returns {number} */
  #take(name) {
    const path = absolute(name);
    const found = this.#index.prepare('SELECT slot FROM pool WHERE name = ?').pluck().get(path);
    if (found !== undefined) return found;
    const [free] = this.#slots('WHERE name IS NULL ORDER BY slot LIMIT 1');
    if (free === undefined) throw new SQLite3Error(`SAH pool is full. Cannot create file ${path}`, CANTOPEN);
    this.#index.run('UPDATE pool SET name = ? WHERE slot = ?', path, free);
    return free;
  }

  /** The host's database. @param {string} name @param {string} flags */
  open(name, flags) {
    if (this.#paused) throw new SQLite3Error(`the VFS ${this.vfsName} is paused`, CANTOPEN);
    if (name === ':memory:' || name === '') return openMemory(this.#engine);
    const slot = flags.includes('c') ? this.#take(name) : this.#slotOf(name);
    const options = { create: true, readonly: flags.includes('r') };
    const database = openNamed(this.#engine, `${this.vfsName}-${slot}`, 'opfs', options);
    const path = absolute(name);
    this.#open.set(path, (this.#open.get(path) ?? 0) + 1);
    return database;
  }

  /** It was closed. @param {string} name */
  closed(name) {
    const path = absolute(name);
    this.#open.set(path, (this.#open.get(path) ?? 1) - 1);
  }

  /** @param {string} name */
  #mustBeClosed(name) {
    if (this.#open.get(absolute(name))) throw new SQLite3Error(`${name} is open`, 5);
  }

  /** What the file of a database is from now on. @param {number} slot @param {Uint8Array} content */
  #put(slot, content) {
    const [store, name] = storeOf(this.#engine, this.#file(slot));
    for (const suffix of ['-journal', '-wal']) store.delete(name + suffix, 0);
    const file = store.open(name, OPEN_CREATE);
    file.truncate(content.length);
    if (content.length) file.write(content, 0);
    file.sync();
    file.close();
  }

  // --- what the original has -------------------------------------------------------------------------------------

  getCapacity() {
    return this.#slots().length;
  }

  getFileCount() {
    return this.#slots('WHERE name IS NOT NULL').length;
  }

  /** @returns {string[]} */
  getFileNames() {
    return this.#index.prepare('SELECT name FROM pool WHERE name IS NOT NULL ORDER BY name').pluck().all();
  }

  /** More files; how many there are then. @param {number} n */
  async addCapacity(n) {
    for (let i = 0; i < n; i++) {
      const { lastInsertRowid } = this.#index.run('INSERT INTO pool(name) VALUES (NULL)');
      await this.#engine.files.acquire(this.#file(lastInsertRowid), { create: true });
    }
    return this.getCapacity();
  }

  /** Fewer, of those that are free; how many went. @param {number} n */
  async reduceCapacity(n) {
    const free = this.#slots('WHERE name IS NULL ORDER BY slot DESC').slice(0, n);
    for (const slot of free) {
      this.#index.run('DELETE FROM pool WHERE slot = ?', slot);
      await this.#engine.files.release(this.#file(slot));
      await this.#engine.files.remove(this.#file(slot));
    }
    return free.length;
  }

  /** @param {number} n */
  async reserveMinimumCapacity(n) {
    return this.addCapacity(Math.max(n - this.getCapacity(), 0));
  }

  /** @param {string} name */
  exportFile(name) {
    const database = openNamed(this.#engine, `${this.vfsName}-${this.#slotOf(name)}`, 'opfs', {
      create: false,
      readonly: true,
    });
    try {
      return withoutWal(joined(database.prepare(PAGES).pluck().all()));
    } finally {
      database.close();
    }
  }

  /** @param {string} name @param {Uint8Array | ArrayBuffer | (() => Promise<Uint8Array | ArrayBuffer | undefined>)} source a file, or what gives it in parts @returns {any} */
  importDb(name, source) {
    if (typeof source === 'function') return inParts(source).then((whole) => this.importDb(name, whole));
    const bytes = new Uint8Array(source);
    if (bytes.length < 512 || bytes.length % 512)
      throw new SQLite3Error('Byte array size is invalid for an SQLite db.');
    if (new TextDecoder().decode(bytes.subarray(0, 15)) !== 'SQLite format 3') {
      throw new SQLite3Error('Input does not contain an SQLite database header.');
    }
    this.#mustBeClosed(name);
    this.#put(this.#take(name), withoutWal(bytes));
    return bytes.length;
  }

  /** Whether there was such a file. @param {string} name */
  unlink(name) {
    if (!this.getFileNames().includes(absolute(name))) return false;
    this.#mustBeClosed(name);
    const slot = this.#slotOf(name);
    this.#index.run('UPDATE pool SET name = NULL WHERE slot = ?', slot);
    this.#put(slot, new Uint8Array());
    return true;
  }

  async wipeFiles() {
    for (const name of this.getFileNames()) this.unlink(name);
  }

  /** @param {() => void} act */
  whenRemoved(act) {
    this.#removed = act;
  }

  /** Give everything back, and delete it. */
  async removeVfs() {
    await this.wipeFiles();
    await this.reduceCapacity(this.getCapacity());
    await this.#index.close();
    const index = this.#engine.stores.path(`${this.vfsName}-index`, 'opfs');
    await this.#engine.files.release(index);
    await this.#engine.files.remove(index);
    this.#removed();
    return true;
  }

  /** Let other contexts have the files. */
  pauseVfs() {
    for (const name of this.getFileNames()) this.#mustBeClosed(name);
    this.#paused = true;
    for (const slot of this.#slots()) void this.#engine.files.release(this.#file(slot));
    return this;
  }

  isPaused() {
    return this.#paused;
  }

  async unpauseVfs() {
    if (!this.#paused) return this;
    for (const slot of this.#slots()) await this.#engine.files.acquire(this.#file(slot), { create: true });
    this.#paused = false;
    return this;
  }
}

/** @param {string} name */
function absolute(name) {
  return new URL(name, 'file://localhost/').pathname;
}

/** @param {() => Promise<Uint8Array | ArrayBuffer | undefined>} next */
async function inParts(next) {
  const parts = [];
  for (let part = await next(); part !== undefined; part = await next()) parts.push(new Uint8Array(part));
  return joined(parts);
}
