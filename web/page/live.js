/** A live query: an asynchronous iterator of what becomes of its rows. */

import { difference } from './difference.js';
import { Following } from './following.js';

/** The columns of a table's primary key. */
const PRIMARY_KEY = 'SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0';

/** @typedef {import('./difference.js').Patch} Patch */

/** @extends {Following<Patch>} */
export class Live extends Following {
  #statement;
  #isFirst = true;
  /** Whether a commit may have changed what the statement means. */ #isOther = true;
  /** The tables it reads; null: any. @type {string[] | null} */ #reads = null;
  /** @type {string[]} */ #key = [];
  /** @type {Map<string, import('./difference.js').Row>} */ #rows = new Map();

  /**
   * Made by `Database.live`.
   * @param {import('./database.js').Database} database
   * @param {string} sql
   * @param {any[]} args of `all`
   * @param {{signal?: AbortSignal | null, key?: string | string[]}} options
   */
  constructor(database, sql, args, { signal, key }) {
    super(database, signal);
    this.args = args;
    this.key = key;
    this.#statement = this.statement(sql);
  }

  /** @param {string[] | null} tables */
  isTouched(tables) {
    const isOther = !tables || tables.includes('sqlite_schema');
    this.#isOther ||= isOther;
    return isOther || this.#isRead(tables);
  }

  /** Whether the statement reads one of these tables, or a shadow table of one: "docs_content" of "docs". @param {string[]} tables */
  #isRead(tables) {
    if (!this.#reads?.length) return true;
    return this.#reads.some((read) => tables.some((table) => read === table || read.startsWith(`${table}_`)));
  }

  /** Run the statement: what is different, null when nothing is. @returns {Promise<Patch | null>} */
  async step() {
    const isOther = this.#isOther;
    this.stale = false;
    this.#isOther = false;
    const rows = await this.#statement.all(...this.args);
    if (isOther) await this.#describe();
    const { patch, now } = difference(this.#rows, rows, this.#key);
    this.#rows = now;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const { added, changed, removed, order } = patch;
    return isFirst || added.length || changed.length || removed.length || order ? patch : null;
  }

  /** What the statement reads, and which columns tell its rows apart. */
  async #describe() {
    const { columns, reads } = await this.#statement.describe();
    this.#reads = reads;
    this.#key = this.key === undefined ? await this.#primaryKeys(columns) : [this.key].flat();
    const missing = this.#key.find(
      (name) => !columns.some((/** @type {{name: string}} */ column) => column.name === name),
    );
    if (missing !== undefined)
      throw new TypeError(`live(): the rows have no column "${missing}", which is to be their key`);
  }

  /** The columns that are primary keys of tables, or their rowids. @param {{name: string, table: string | null, column: string | null}[]} columns */
  async #primaryKeys(columns) {
    const found = [];
    for (const table of new Set(columns.map((column) => column.table))) {
      if (table === null) continue;
      const keys = await this.database.prepare(PRIMARY_KEY).pluck().all(table);
      const ofTable = (keys.length ? keys : ['rowid']).map((key) =>
        columns.find((column) => column.table === table && column.column === key),
      );
      if (ofTable.every(Boolean)) found.push(...ofTable.map((column) => /** @type {{name: string}} */ (column).name));
    }
    return found;
  }

  ended() {
    this.#statement.finalize();
    this.#rows.clear();
  }
}
