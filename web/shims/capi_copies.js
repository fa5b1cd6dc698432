/** Blobs in parts, and copies of databases in steps, as SQLite's C API has them. */

import { SQLITE_ERROR, SQLITE_READONLY, SqlError } from '../../base/errors.js';
import { Backup } from '../backup.js';
import { identifier } from '../template.js';
import { Handles } from './capi_handles.js';
import { asError, checked, SQLITE_DONE, SQLITE_OK } from './capi_values.js';

const SQLITE_ABORT = 4;
const ROWIDS = ['rowid', '_rowid_', 'oid'];

/** @typedef {any} Host a HostDatabase */

// --- blobs ------------------------------------------------------------------------------------------------------

/** A value of a row that is read and written in parts. Its size stays. */
class Blob {
  /** @type {bigint} */ #row = 0n;
  #kind = '';
  /** As it was when it was last looked at. @type {Uint8Array} */ #value = new Uint8Array();
  #isOver = false;

  /** @param {Host} host @param {{schema: string, table: string, column: string, writes: boolean}} where @throws {SqlError} with SQLite's messages */
  constructor(host, { schema, table, column, writes }) {
    this.host = host;
    this.writes = writes;
    const rowid = rowidOf(host, schema, table);
    mustBeThere(host, schema, table, column);
    if (writes) mustBeFree(host, schema, table, column);
    const [cell, place] = [identifier(column).text, identifier(schema, table).text];
    this.query = `SELECT typeof(${cell}), CAST(${cell} AS BLOB) FROM ${place} WHERE ${rowid} = ?`;
    this.update = (/** @type {string} */ kind) => `UPDATE ${place} SET ${cell} = CAST(? AS ${kind}) WHERE ${rowid} = ?`;
  }

  get size() {
    return this.#isOver ? 0 : this.#value.length;
  }

  /** @param {bigint} row @throws {SqlError} */
  moveTo(row) {
    this.#isOver = true;
    const [kind, value] = this.#look(row);
    this.#row = row;
    this.#kind = kind;
    this.#value = value;
    this.#isOver = false;
  }

  /** @param {bigint} row */
  #look(row) {
    const found = this.host.prepare(this.query).raw().get(row);
    if (!found) throw new SqlError(`no such rowid: ${row}`, SQLITE_ERROR);
    const [kind, value] = found;
    if (kind !== 'text' && kind !== 'blob') throw new SqlError(`cannot open value of type ${kind}`, SQLITE_ERROR);
    return [kind, value];
  }

  /** @param {number} n @param {number} offset @throws {SqlError} SQLITE_ABORT: somebody has written it */
  read(n, offset) {
    this.#mustHave(n, offset);
    return this.#value.slice(offset, offset + n);
  }

  /** @param {Uint8Array} bytes @param {number} offset */
  write(bytes, offset) {
    this.#mustHave(bytes.length, offset);
    if (!this.writes) throw new SqlError('attempt to write a readonly database', SQLITE_READONLY);
    const changed = this.#value.slice();
    changed.set(bytes, offset);
    this.host.prepare(this.update(this.#kind)).run(changed, this.#row);
    this.#value = changed;
  }

  /** @param {number} n @param {number} offset */
  #mustHave(n, offset) {
    this.#mustBeAsItWas();
    if (!(n >= 0 && offset >= 0 && offset + n <= this.#value.length))
      throw new SqlError('SQL logic error', SQLITE_ERROR);
  }

  #mustBeAsItWas() {
    if (!this.#isOver) {
      const [kind, value] = this.host.prepare(this.query).raw().get(this.#row) ?? [];
      this.#isOver = kind !== this.#kind || !areEqual(value, this.#value);
    }
    if (this.#isOver) throw new SqlError('query aborted', SQLITE_ABORT);
  }
}

/** @param {Uint8Array} a @param {Uint8Array} b */
function areEqual(a, b) {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** A name for the rowid of a table that may have a blob that is opened. @param {Host} host @param {string} schema @param {string} table @throws {SqlError} */
function rowidOf(host, schema, table) {
  const query = 'SELECT type, wr FROM pragma_table_list WHERE lower(schema) = lower(?) AND lower(name) = lower(?)';
  const [type, isWithoutRowid] = host.prepare(query).raw().get(schema, table) ?? [];
  if (type === 'view') throw new SqlError(`cannot open view: ${table}`, SQLITE_ERROR);
  if (type === 'virtual') throw new SqlError(`cannot open virtual table: ${table}`, SQLITE_ERROR);
  if (type === undefined) throw new SqlError(`no such table: ${schema}.${table}`, SQLITE_ERROR);
  if (isWithoutRowid) throw new SqlError(`cannot open table without rowid: ${table}`, SQLITE_ERROR);
  const columns = columnsOf(host, schema, table);
  return ROWIDS.find((name) => !columns.includes(name)) ?? 'rowid';
}

/** @param {Host} host @param {string} schema @param {string} table @returns {string[]} */
function columnsOf(host, schema, table) {
  return host.prepare('SELECT lower(name) FROM pragma_table_xinfo(?, ?)').pluck().all(table, schema);
}

/** @param {Host} host @param {string} schema @param {string} table @param {string} column @throws {SqlError} */
function mustBeThere(host, schema, table, column) {
  if (columnsOf(host, schema, table).includes(column.toLowerCase())) return;
  throw new SqlError(`no such column: "${column}"`, SQLITE_ERROR);
}

/** @param {Host} host @param {string} schema @param {string} table @param {string} column @throws {SqlError} */
function mustBeFree(host, schema, table, column) {
  const indexes = `SELECT 1 FROM pragma_index_list(?1, ?2) i, pragma_index_info(i.name, ?2) c
    WHERE c.name IS NULL OR lower(c.name) = lower(?3)`;
  const keys = 'SELECT 1 FROM pragma_foreign_key_list(?1, ?2) WHERE lower("from") = lower(?3)';
  const isKey = host.pragma('foreign_keys', { simple: true }) && host.prepare(keys).get(table, schema, column);
  const what = isKey ? 'foreign key' : host.prepare(indexes).get(table, schema, column) ? 'indexed' : '';
  if (what) throw new SqlError(`cannot open ${what} column for writing`, SQLITE_ERROR);
}

/** @param {(db: number) => Host} databaseOf */
export function blobsOf(databaseOf) {
  /** @type {Handles<Blob>} */ const blobs = new Handles('blob');
  return {
    /** The number of a blob. @param {number} db @param {string} schema @param {string} table @param {string} column @param {number | bigint} rowid @param {number} writes not 0: it may be written */
    blob_open: async (db, schema, table, column, rowid, writes) =>
      checked(() => {
        const blob = new Blob(databaseOf(db), { schema, table, column, writes: Boolean(writes) });
        blob.moveTo(BigInt(rowid));
        return blobs.add(blob);
      }),
    /** To the same column of another row. @param {number} blob @param {number | bigint} rowid */
    blob_reopen: async (blob, rowid) =>
      checked(() => {
        blobs.get(blob).moveTo(BigInt(rowid));
        return SQLITE_OK;
      }),
    /** Its size. @param {number} blob */
    blob_bytes: (blob) => blobs.get(blob).size,
    /** @param {number} blob @param {number} n bytes @param {number} offset */
    blob_read: async (blob, n, offset) => checked(() => blobs.get(blob).read(n, offset)),
    /** @param {number} blob @param {Uint8Array} bytes @param {number} offset */
    blob_write: async (blob, bytes, offset) =>
      checked(() => {
        blobs.get(blob).write(bytes, offset);
        return SQLITE_OK;
      }),
    /** @param {number} blob */
    blob_close: async (blob) =>
      checked(() => {
        blobs.get(blob);
        blobs.delete(blob);
        return SQLITE_OK;
      }),
  };
}

// --- backups ----------------------------------------------------------------------------------------------------

/** @param {(db: number) => Host} databaseOf */
export function backupsOf(databaseOf) {
  /** @type {Handles<Backup>} */ const backups = new Handles('backup');
  return {
    /**
     * The number of a backup, of what the source is now.
     * @param {number} target @param {string} targetName 'main': others cannot be replaced @param {number} source @param {string} sourceName
     */
    async backup_init(target, targetName, source, sourceName) {
      try {
        if (targetName.toLowerCase() !== 'main') throw new SqlError('only "main" can be replaced', SQLITE_ERROR);
        if (target === source) throw new SqlError('source and destination must be distinct', SQLITE_ERROR);
        const copy = databaseOf(source).serialize({ attached: sourceName });
        return backups.add(await Backup.into(databaseOf(target), copy));
      } catch (error) {
        throw asError(error);
      }
    },
    /** @param {number} backup @param {number} pages negative: all @returns {Promise<number>} SQLITE_OK, or SQLITE_DONE when the copy is in its place */
    async backup_step(backup, pages) {
      try {
        const found = backups.get(backup);
        await found.step(pages);
        return found.isDone ? SQLITE_DONE : SQLITE_OK;
      } catch (error) {
        throw asError(error);
      }
    },
    /** Pages. @param {number} backup */
    backup_remaining: (backup) => backups.get(backup).remainingPages,
    /** Pages. @param {number} backup */
    backup_pagecount: (backup) => backups.get(backup).totalPages,
    /** @param {number} backup */
    async backup_finish(backup) {
      const found = backups.get(backup);
      backups.delete(backup);
      await found.discard();
      return SQLITE_OK;
    },
  };
}
