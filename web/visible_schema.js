/**
 * The schema that a database's connection sees.
 *
 * Invariants:
 *   D1  What is known of the schema holds for one schema epoch of the kernel's connection and one set of schema cookies. Nothing is
 *       compiled against an older epoch, and a Program that belongs to another Schema, epoch or cookie is refused by the kernel with
 *       SQLITE_SCHEMA before it does anything; then its text is prepared again (statement.js S2).
 */

import { DB_PAGE_COUNT, DB_SCHEMA_FORMAT, ENCODING_SHIFT, SETTINGS_COMPILED, UTF8 } from '../base/abi.js';
import { NotYet, SQLITE_BUSY, SQLITE_ERROR, SQLITE_SCHEMA, SqlError } from '../base/errors.js';
import { SCHEMA_QUERY, STATISTICS_QUERY } from '../base/sql.js';
import { sleep } from './waiting.js';

const DESCENDING_FORMAT = 4; // the first schema format whose indexes honour DESC, and the last there is
const MAX_RETRIES = 50;

/**
 * @typedef {import('./schema.js').Schema} Schema
 * @typedef {import('./schema.js').View} View
 */

export class VisibleSchema {
  #database;
  #user;
  #query;
  /** @type {View | null} */ #view = null;

  /**
   * @param {import('./database.js').HostDatabase} database
   * @param {import('./usercode.js').UserCode} user
   * @param {(schema: Schema, sql: string) => unknown[][]} query runs a query of ours
   */
  constructor(database, user, query) {
    this.#database = database;
    this.#user = user;
    this.#query = query;
  }

  /** What is known, which may be out of date. */
  get known() {
    return this.#view?.schema;
  }

  /** Whether what is known is of the connection's epoch. */
  get isCurrent() {
    return this.#view?.epoch === this.#database.connection.epoch;
  }

  /** It has changed, or what depends on it. */
  forget() {
    this.#see(null);
  }

  /** The view that is current for statements of this schema; null: theirs is another one. @param {Schema} schema */
  viewOf(schema) {
    return this.#view?.schema === schema ? this.#view : null;
  }

  /** The schemas as they are now, read if need be (D1). @returns {View} @throws {NotYet} while a file of theirs is locked */
  now() {
    if (!this.isCurrent) {
      this.#see(null);
      this.#see(this.#whenFree(() => this.#read()));
    }
    return /** @type {View} */ (this.#view);
  }

  /** @param {View | null} view */
  #see(view) {
    if (view) view.schema.users++;
    if (this.#view) this.#view.schema.users--;
    this.#view = view;
  }

  #lockedAttempts = 0;

  /** While the database is locked, a NotYet until the busy timeout is over. @template T @param {() => T} act @returns {T} */
  #whenFree(act) {
    for (;;) {
      try {
        const result = act();
        this.#lockedAttempts = 0;
        return result;
      } catch (error) {
        if (!(error instanceof SqlError) || error.errcode !== SQLITE_BUSY) throw error;
        const delay = this.#database.connection.busyDelay(this.#lockedAttempts++);
        if (!delay) this.#lockedAttempts = 0;
        if (!delay) throw error;
        if (!this.#database.sleep) throw new NotYet(error.message, error.errcode, () => sleep(delay));
        this.#database.sleep(delay);
      }
    }
  }

  /** True, and the schema forgotten, when it is no longer the one in the files. */
  moved() {
    const view = this.#view;
    if (!view || (this.isCurrent && `${view.cookies}` === `${this.#database.connection.cookies()}`)) return false;
    this.#see(null);
    return true;
  }

  /** @returns {View} */
  #read() {
    const { engine, connection } = this.#database;
    for (let attempt = 0; attempt < MAX_RETRIES; attempt++) {
      const epoch = connection.epoch;
      const cookies = connection.cookies();
      const encoding = (connection.encoding - UTF8) << ENCODING_SHIFT;
      const bootstrap = engine.library.bootstrapFor(encoding);
      const databases = connection.databases().map(({ slot, name }) => this.#readContents(slot, name, bootstrap));
      try {
        const settings = (connection.settings & SETTINGS_COMPILED) | encoding;
        const schema = engine.library.schema(databases, this.#user.own, settings, connection.capture);
        const view = this.#withStatistics({ schema, cookies, epoch });
        if (`${connection.cookies()}` === `${cookies}`) return view;
      } catch (error) {
        if (!(error instanceof SqlError) || error.errcode !== SQLITE_SCHEMA) throw error;
      }
    }
    throw new SqlError('database schema has changed', SQLITE_SCHEMA);
  }

  /** @param {number} slot @param {string} name @param {Schema} bootstrap @returns {import('./schema.js').Contents} */
  #readContents(slot, name, bootstrap) {
    const { connection } = this.#database;
    const contents = { slot, name, descending: true, statistics: [] };
    if (!connection.isOpen(slot) || connection.get(slot, DB_PAGE_COUNT) === 0) return { ...contents, rows: [] };
    const known = quoted(bootstrap.databases[slot].name);
    const rows = this.#query(bootstrap, `${SCHEMA_QUERY} ${known}.sqlite_master`);
    const format = connection.get(slot, DB_SCHEMA_FORMAT) >>> 0;
    if (format > DESCENDING_FORMAT) throw new SqlError('unsupported file format', SQLITE_ERROR);
    const descending = rows.length === 0 || format >= DESCENDING_FORMAT;
    return { ...contents, rows, descending };
  }

  /** The same with what ANALYZE left, which a Program of the schema without reads. @param {View} view @returns {View} */
  #withStatistics(view) {
    const { databases, settings, capture } = view.schema;
    if (!databases.some(hasStatistics)) return view;
    this.#see(view);
    try {
      const known = databases.map((contents) => {
        if (!hasStatistics(contents)) return contents;
        return {
          ...contents,
          statistics: this.#query(view.schema, `${STATISTICS_QUERY} ${quoted(contents.name)}.sqlite_stat1`),
        };
      });
      return { ...view, schema: this.#database.engine.library.schema(known, this.#user.own, settings, capture) };
    } finally {
      this.#see(null);
    }
  }
}

/** @param {import('./schema.js').Contents} contents */
function hasStatistics({ rows }) {
  return Boolean(rows?.some(([type, name]) => type === 'table' && String(name).toLowerCase() === 'sqlite_stat1'));
}

/** @param {string} name */
function quoted(name) {
  return `"${name.replaceAll('"', '""')}"`;
}
