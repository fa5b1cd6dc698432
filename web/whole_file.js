/** The file of an open database as a whole: given out, taken in, copied. */

import { SQLITE_ERROR, SQLITE_READONLY, SqlError } from '../base/errors.js';
import { GIVEN } from '../vfs/base.js';
import { Backup } from './backup.js';
import { checkHeader } from './file.js';
import { joined, PAGES, withoutWal } from './image.js';
import { check, checkOptions, FUNCTION, NAME, oneOf } from './page/check.js';
import { inSteps } from './page/steps.js';
import { Shortcuts } from './shortcuts.js';
import { whenPossible } from './waiting.js';

const KIND = oneOf('opfs', 'indexeddb', 'memory', 'disk');

export class WholeFile extends Shortcuts {
  /** @param {import('./engine.js').Engine} engine @param {import('./database.js').Where} where */
  constructor(engine, where) {
    super();
    this.engine = engine;
    this.where = where;
    this.name = where.name;
    this.readonly = Boolean(where.options.readonly);
    /** Whether it was given a key. */
    this.encrypted = false;
  }

  /** @returns {import('./connection.js').Connection} @throws {SqlError} SQLITE_MISUSE: it is closed */
  get connection() {
    throw new Error('abstract');
  }

  /** The files in stores that it has open. @returns {string[]} */
  get files() {
    return [this.where.file];
  }

  /** Sleeps while another process has the file locked; null: who drives statements waits. */
  get sleep() {
    const { stores, files } = this.engine;
    return stores.isOfProcesses(this.where.file) ? files.sleep : null;
  }

  /** The database as a file that SQLite opens. Errors: inside a transaction. @returns {Uint8Array<ArrayBuffer>} */
  export() {
    void this.connection;
    if (this.inTransaction) throw new SqlError('cannot export within a transaction', SQLITE_ERROR);
    if ((this.isGiven || this.sleep) && !this.encrypted) return withoutWal(joined(this.prepare(PAGES).pluck().all()));
    this.exec('PRAGMA main.wal_checkpoint(TRUNCATE)');
    return withoutWal(this.engine.files.contentOf(this.where.file));
  }

  /**
   * The same.
   * @param {{attached?: string}} [options] attached: of which of the connection's databases, by its name in SQL
   * @returns {Uint8Array<ArrayBuffer>}
   */
  serialize(options) {
    const { attached = 'main' } = checkOptions('serialize()', options, { attached: NAME });
    if (attached.toLowerCase() === 'main') return this.export();
    if (this.inTransaction) throw new SqlError('cannot export within a transaction', SQLITE_ERROR);
    return withoutWal(joined(this.prepare('SELECT data FROM sqlite_dbpage(?)').pluck().all(attached)));
  }

  /** The same as `import`. @param {Uint8Array | ArrayBuffer} bytes */
  deserialize(bytes) {
    return this.import(bytes);
  }

  /**
   * Put a copy, as of now, in the place of another database.
   * @param {string} name of that
   * @param {object} [options]
   * @param {import('./stores.js').Kind} [options.storage] where; where this one lies, if that is a store
   * @param {string} [options.attached] of which of the connection's databases, by its name in SQL
   * @param {(progress: {totalPages: number, remainingPages: number}) => number | void} [options.progress] is told before each part, and
   *   says how many pages it is to have (100); 0: wait, and ask again. What it throws ends the backup.
   * @throws {SqlError} SQLITE_BUSY when it is open somewhere; in a transaction
   */
  async backup(name, options) {
    check('backup()', name, NAME);
    const kinds = { storage: KIND, attached: NAME, progress: FUNCTION };
    const { storage, attached, progress } = checkOptions('backup()', options, kinds);
    const backup = await this.beginBackup(name, { storage, attached });
    try {
      await (progress ? inSteps(backup, progress) : backup.step(-1));
    } finally {
      await backup.discard();
    }
    const { bytes, totalPages, remainingPages } = backup;
    return { bytes, totalPages, remainingPages };
  }

  /** The same, for who takes the steps and discards it then. @param {string} name @param {{storage?: import('./stores.js').Kind, attached?: string}} options */
  async beginBackup(name, { storage = this.#storage, attached }) {
    const copy = this.serialize({ attached });
    const { compiler, key } = this.where.options;
    const target = await this.engine.openNow(name, { storage, compiler, key });
    try {
      return await Backup.into(target, copy, () => target.close());
    } catch (error) {
      await target.close();
      throw error;
    }
  }

  /** The store that it lies in. */
  get #storage() {
    const { inMemory, file } = this.where;
    const kind = this.engine.stores.kindOf(file);
    return inMemory || kind === 'file' || kind === 'url' ? undefined : kind;
  }

  /**
   * Replace the whole database by a file that can be read, or by an empty one. The old one stays as it is when this fails. Prepared
   * statements are compiled again when they are used.
   * @param {Uint8Array | ArrayBuffer | Blob | import('../vfs/staging.js').Staged} source
   * @throws {SqlError} SQLITE_NOTADB, SQLITE_CORRUPT; SQLITE_ERROR in a transaction or while others are attached; SQLITE_READONLY
   */
  async import(source) {
    this.#mustTakeAnother();
    const isStaged = 'commit' in source;
    const blob = isStaged
      ? await source.content()
      : source instanceof Blob
        ? source
        : new Blob([/** @type {BlobPart} */ (source)]);
    if (blob.size) await this.#mustBeReadable(blob);
    this.#mustTakeAnother();
    const { overlay } = this.where.options;
    if (typeof overlay === 'string') await this.#fill(blob);
    else await this.engine.replace(/** @type {any} */ (this), isStaged ? source : blob);
  }

  /** Take the pages of a file into an overlay that lasts: it stays one of the file under it. @param {Blob} blob */
  async #fill(blob) {
    const { compiler, key } = this.where.options;
    const size = this.pragma('page_size', { simple: true });
    const other = await this.engine.openNow(blob.size ? blob : ':memory:', { compiler, key });
    try {
      await whenPossible(() => {
        if (!blob.size) other.exec(`PRAGMA page_size = ${size}; PRAGMA user_version = 0`);
        if (this.encrypted || other.pragma('page_size', { simple: true }) !== size) {
          throw new SqlError('cannot import into an overlay whose pages have another size, or a key', SQLITE_ERROR);
        }
        this.takePages(other, other.prepare('SELECT pgno FROM sqlite_dbpage').pluck().iterate());
      });
    } finally {
      await other.close();
    }
  }

  /** Begin to take in a file in parts, for `import`. @returns {Promise<import('../vfs/staging.js').Staged>} */
  async stage() {
    this.#mustTakeAnother();
    return this.engine.files.stage(this.where.file);
  }

  /** @throws {SqlError} if it cannot be replaced as a whole */
  #mustTakeAnother() {
    void this.connection;
    if (this.inTransaction) throw new SqlError('cannot import within a transaction', SQLITE_ERROR);
    if (this.files.length > 1) throw new SqlError('cannot import while other databases are attached', SQLITE_ERROR);
    if (this.readonly) throw new SqlError('attempt to write a readonly database', SQLITE_READONLY);
  }

  /**
   * Take pages of another database, and its size, in one transaction.
   * @param {WholeFile} other whose pages have the same size @param {Iterable<number>} numbers the first one is written anyway
   */
  takePages(other, numbers) {
    const read = other.prepare('SELECT data FROM sqlite_dbpage WHERE pgno = ?').pluck();
    const count = other.prepare('PRAGMA page_count').pluck().get();
    this.transaction(() => {
      const cookie = this.pragma('schema_version', { simple: true });
      const write = this.prepare('INSERT INTO sqlite_dbpage(pgno, data) VALUES (?, ?)');
      for (const number of numbers) if (number > 1 && number <= count) write.run(number, read.get(number));
      write.run(1, read.get(1)); // it says how many there are
      write.run(count + 1, null);
      write.finalize();
      this.exec(`PRAGMA schema_version = ${Math.max(cookie, other.pragma('schema_version', { simple: true })) + 1}`);
    }).immediate();
    read.finalize();
  }

  /** Whether it lies in a file or at a URL that the page was given. */
  get isGiven() {
    return this.where.file.startsWith(GIVEN);
  }

  /** All of it, changes included, was saved to a file, over which they begin anew. @param {Blob} file */
  async saved(file) {
    void this.connection;
    if (this.inTransaction) throw new SqlError('cannot save within a transaction', SQLITE_ERROR);
    await this.engine.replace(/** @type {any} */ (this), file);
  }

  /** @param {Blob} blob */
  async #mustBeReadable(blob) {
    const { compiler, key } = this.where.options;
    await checkHeader(blob);
    const candidate = await this.engine.openNow(blob, { compiler, key });
    try {
      await whenPossible(() => candidate.prepare('SELECT count(*) FROM sqlite_schema').get());
    } finally {
      await candidate.close();
    }
  }
}
