/**
 * Captured changes as objects, from any one on, and those that come, from whatever tab (docs/change-capture.md).
 *
 * Invariants:
 *   H1  What is not committed is not read, not even by the connection that has changed it.
 *   H2  A change has the names that its table's columns had when it was captured: those of the table's next change of schema in the log,
 *       before it; without one, those of the table now.
 */

import { SQLITE_ERROR, SqlError } from '../../base/errors.js';
import { decodeRecord } from '../record.js';
import { Following } from './following.js';
import { Handle } from './handle.js';
import { RemoteDatabase } from './remote.js';

const TYPES = new Map([
  [1, 'insert'],
  [0, 'update'],
  [-1, 'delete'],
  [2, 'commit'],
]);
const BATCH = 500;
const NEVER = 2n ** 63n - 1n;
const DEFAULT_TABLE = 'turso_cdc';
const SCHEMA_NAMES = '["type","name","tbl_name","rootpage","sql"]';
const NAMES_NOW = `SELECT CASE WHEN EXISTS (SELECT 1 FROM pragma_table_list(?1) WHERE schema = 'main')
  THEN (SELECT json_group_array(name) FROM pragma_table_xinfo(?1, 'main') WHERE hidden <> 1) END`;

/** @typedef {import('../index.js').SqlValue} SqlValue */
/** @typedef {any} CapturedChange see index.d.ts */

/** @extends {Following<CapturedChange>} */
export class ChangeStream extends Following {
  /** @type {CapturedChange[]} */ #queue = [];
  /** The table's quoted name. */ #quoted = '';
  #transaction = 'NULL';
  /** @type {Promise<void> | undefined} */ #beginning;
  /** Names of columns by the text of CREATE TABLE. @type {Map<string, string[]>} */ #texts = new Map();

  /**
   * Made by `Database.changes`.
   * @param {import('./database.js').Database} database
   * @param {{since?: number, table?: string, signal?: AbortSignal | null}} options
   */
  constructor(database, { since, table, signal }) {
    super(database, signal);
    this.since = since;
    this.table = table;
    if (since === undefined) this.#begun().catch(() => undefined); // from now on, whenever it is asked for the first
  }

  /** @param {string[] | null} tables */
  isTouched(tables) {
    return !tables || !this.table || tables.includes(this.table) || tables.includes('sqlite_schema');
  }

  async step() {
    if (!this.#queue.length) {
      this.stale = false;
      await this.#begun();
      this.#queue = await this.#batch();
      if (!this.#queue.length) return null;
      this.stale = true; // there may be more
    }
    return /** @type {CapturedChange} */ (this.#queue.shift());
  }

  /** Rows of arrays. @param {string} sql @param {...any} args @returns {Promise<any[][]>} */
  #all(sql, ...args) {
    return this.statement(sql)
      .raw()
      .all(...args);
  }

  /** @returns {Promise<void>} */
  #begun() {
    this.#beginning ??= this.#begin();
    return this.#beginning;
  }

  async #begin() {
    this.table ??= (await this.#all('PRAGMA capture_data_changes_conn'))[0][1] ?? DEFAULT_TABLE;
    const quoted = `main."${this.table.replaceAll('"', '""')}"`;
    await this.#all(`SELECT change_id FROM ${quoted} LIMIT 0`); // it is there
    const columns = await this.#all("SELECT name FROM pragma_table_info(?, 'main')", this.table);
    if (columns.some(([name]) => name === 'change_txn_id')) this.#transaction = 'change_txn_id';
    const last = await this.#last();
    this.since ??= last;
    if (this.since > last)
      throw new SqlError(`there is no change ${this.since} yet: the last one is ${last}`, SQLITE_ERROR);
    this.#quoted = quoted;
  }

  /** The number of the first change that is not committed (H1). */
  async #end() {
    return (await this.#all('SELECT conn_txn_id(?)', NEVER))[0][0];
  }

  /** The number of the last committed change there ever was. */
  async #last() {
    const found = await this.#all('SELECT seq FROM main.sqlite_sequence WHERE name = ?', this.table);
    if (!found.length) return 0;
    return Math.min(Number(found[0][0]), Number(await this.#end()) - 1);
  }

  /** The next changes; [] if there are none now. @throws {SqlError} SQLITE_ERROR if they are not kept any more */
  async #batch() {
    const since = Number(this.since);
    const last = await this.#last(); // asked first: what is committed meanwhile is not gone
    const rows = await this.#all(
      `SELECT change_id, change_time, ${this.#transaction}, change_type, table_name, id, before, after, updates
       FROM ${this.#quoted} WHERE change_id > ? AND change_id < ? ORDER BY change_id LIMIT ${BATCH}`,
      since,
      await this.#end(),
    );
    const first = rows.length ? Number(rows[0][0]) : last + 1;
    if (first > since + 1) {
      const message = `the changes behind ${since} are gone: the first that is kept is ${first}`;
      throw new SqlError(message, SQLITE_ERROR);
    }
    if (!rows.length) return [];
    const namesOf = await this.#names(rows);
    const changes = [];
    for (const row of rows) changes.push(await this.#change(row, namesOf));
    this.since = changes[changes.length - 1].id;
    return changes;
  }

  /** @param {any[]} row @param {(table: string, id: number) => Promise<string[]>} namesOf */
  async #change([id, time, transaction, type, table, key, before, after, updates], namesOf) {
    const { integers } = this.database.connection;
    const values = (/** @type {Uint8Array | null} */ record) => record && decodeRecord(record, integers);
    const [old, now, marks] = [before, after, updates].map(values);
    const isReplaced = Number(type) === -1 && marks?.[0] === 'replace';
    const names = old || now || marks ? await namesOf(table, Number(id)) : [];
    const named = (/** @type {SqlValue[] | null} */ row) =>
      row && Object.fromEntries(row.map((value, at) => [names[at] ?? `column${at + 1}`, value]));
    return {
      id: Number(id),
      time: Number(time),
      transaction: transaction === null ? null : Number(transaction),
      type: TYPES.get(Number(type)),
      table,
      key: key instanceof Uint8Array ? values(key) : key,
      before: named(old),
      after: named(now),
      assigned: marks && !isReplaced ? names.filter((_, at) => Number(marks[at]) === 1) : null,
      replaced: isReplaced,
    };
  }

  /** What gives the names of a table's columns at the time of a change (H2). @param {any[][]} rows */
  async #names(rows) {
    /** @type {Map<string, string[]>} */
    const now = new Map();
    for (const table of new Set(rows.map((row) => row[4]))) {
      if (table !== null) now.set(table, JSON.parse((await this.#all(NAMES_NOW, table))[0][0] ?? '[]'));
    }
    // Asked after the names of now: a change of schema between the two is among these.
    const schema = await this.#all(
      `SELECT change_id, bin_record_json_object('${SCHEMA_NAMES}', before) FROM ${this.#quoted}
       WHERE table_name = 'sqlite_schema' AND change_id > ? AND before IS NOT NULL`,
      rows[0][0],
    );
    const changed = schema.map(([id, before]) => ({ id: Number(id), ...JSON.parse(before), number: Number(id) }));
    return async (/** @type {string} */ table, /** @type {number} */ id) => {
      const found = changed.find(({ number, type, name }) => number > id && type === 'table' && name === table);
      return found ? this.#namesIn(table, found.sql) : (now.get(table) ?? []);
    };
  }

  /** The columns of the table that a statement makes. @param {string} table @param {string} sql */
  async #namesIn(table, sql) {
    const known = this.#texts.get(sql);
    if (known) return known;
    const { client } = this.database.connection;
    const opened = await client.request({ op: 'open', name: ':memory:', options: {} });
    const scratch = new RemoteDatabase(client, opened, { integers: 'auto', timeout: 0, persist: false }, null);
    try {
      const made = new Handle(scratch, null);
      await made.exec(sql);
      const names = JSON.parse(await made.prepare('SELECT table_columns_json_array(?)').pluck().get(table));
      this.#texts.set(sql, names);
      return names;
    } finally {
      await scratch.close();
    }
  }

  ended() {
    this.#queue = [];
  }
}
