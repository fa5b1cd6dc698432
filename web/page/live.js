/**
 * A live query: an asynchronous iterator of what becomes of its rows.
 *
 * It runs when it is asked for a patch and a commit may have changed something since it ran: many commits are one run, and who is slow to
 * ask gets one patch for all that happened meanwhile.
 *
 * Invariants:
 *   L1  It listens before it runs, so no commit is missed.
 *   L2  After its end it listens no more, and `next` says that it is done.
 */

import { difference } from './difference.js';

/** The columns of a table's primary key. */
const PRIMARY_KEY = 'SELECT name FROM pragma_table_xinfo(?) WHERE pk > 0';

/** @typedef {import('./difference.js').Patch} Patch */
/** @typedef {IteratorResult<Patch, undefined>} Result */

export class Live {
  #statement;
  #over = new AbortController();
  /** @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {() => unknown} */ #stop = () => undefined;
  #started = false;
  /** Whether a commit may have changed the rows. */ #stale = true;
  /** Whether it may have changed what the statement means. */ #isOther = true;
  /** Goes on when there is something to do. */ #wake = () => {};
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
    this.database = database;
    this.args = args;
    this.signal = signal;
    this.key = key;
    const { signal: left } = this.#over;
    this.#statement = database.prepare(sql).signal(signal ? AbortSignal.any([left, signal]) : left);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** The next patch. @returns {Promise<Result>} */
  next() {
    const step = this.#turn.then(() => this.#next());
    this.#turn = step.catch(() => undefined);
    return step;
  }

  /** @returns {Promise<Result>} */
  async #next() {
    let why = null;
    try {
      while (this.#goesOn) {
        const patch = this.#stale ? await this.#run() : await this.#change();
        if (patch) return { done: false, value: patch };
      }
    } catch (error) {
      if (this.#goesOn) why = { error };
    }
    const { signal, database } = this;
    const { ended } = database.connection.client;
    const isLeft = this.#over.signal.aborted;
    if (!isLeft && signal?.aborted) why = { error: signal.reason };
    else if (!isLeft && ended) why = { error: ended };
    this.#end();
    if (why) throw why.error;
    return { done: true, value: undefined };
  }

  /** Whether nothing has ended it: its reader, the signal, who closed the database, the worker. */
  get #goesOn() {
    return !this.#over.signal.aborted && !this.signal?.aborted && this.database.open;
  }

  /** Leave: what runs is given up. @returns {Promise<Result>} */
  async return() {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.return();
  }

  // --- running ---------------------------------------------------------------------------------------

  /** L1. */
  async #start() {
    this.#started = true;
    const { connection } = this.database;
    const wake = () => this.#wake();
    this.signal?.addEventListener('abort', wake);
    connection.ends.add(wake);
    const stopped = connection.listen((changed) => this.#heard(changed));
    this.#stop = () => {
      this.signal?.removeEventListener('abort', wake);
      connection.ends.delete(wake);
      return stopped.then((stop) => stop());
    };
    await stopped;
  }

  /** @param {{tables: string[] | null}} changed */
  #heard({ tables }) {
    const isOther = !tables || tables.includes('sqlite_schema');
    if (!isOther && !this.#isRead(tables)) return;
    this.#isOther ||= isOther;
    this.#stale = true;
    this.#wake();
  }

  /** Whether the statement reads one of these tables, or a shadow table of one: "docs_content" of "docs". @param {string[]} tables */
  #isRead(tables) {
    if (!this.#reads?.length) return true;
    return this.#reads.some((read) => tables.some((table) => read === table || read.startsWith(`${table}_`)));
  }

  /** Until there is something to do. @returns {Promise<null>} */
  async #change() {
    await new Promise((/** @type {(nothing: void) => void} */ resolve) => {
      this.#wake = resolve;
    });
    return null;
  }

  /** Run the statement: what is different, null when nothing is. @returns {Promise<Patch | null>} */
  async #run() {
    const isFirst = !this.#started;
    if (isFirst) await this.#start();
    const isOther = this.#isOther;
    this.#stale = false;
    this.#isOther = false;
    const rows = await this.#statement.all(...this.args);
    if (isOther) await this.#describe();
    const { patch, now } = difference(this.#rows, rows, this.#key);
    this.#rows = now;
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

  // --- the end ---------------------------------------------------------------------------------------

  /** L2. */
  #end() {
    this.#over.abort();
    this.#statement.finalize();
    Promise.resolve(this.#stop()).catch(() => undefined); // a database that is closed tells nobody anything
    this.#stop = () => undefined;
    this.#rows.clear();
    this.#wake();
  }
}
