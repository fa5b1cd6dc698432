/**
 * A prepared statement where the kernel is: synchronous, without Python in the way.
 *
 * A run is: bind → step → take the rows → step … → DONE, then reset.
 *
 * Invariants:
 *   S1  Every exception out of a step is followed by statement_failed before anybody sees it.
 *   S2  A statement whose schema is out of date is compiled again, with the same parameters, before its first row.
 *   S3  The rows in the buffer are taken before the Program is run again. Rows that were complete when it failed come first, and the
 *       error with the next step.
 */

import { DONE, PREPARE, RAISE, ROWS, Run as S, YIELD } from '../base/abi.js';
import { aboutSql, misuse, SQLITE_LOCKED, SQLITE_SCHEMA, SqlError } from '../base/errors.js';
import { unfold } from './lists.js';
import { BOOLEAN, check } from './page/check.js';
import { ParameterBlock } from './parameter_block.js';
import { collect, isNames } from './parameters.js';
import { decodeRows, rowSize, shapeOf } from './rows.js';

const FLAG_COUNTS_CHANGES = 1;
const FLAG_FINISHING = 32;
const FIRST_BATCH = 64; // rows; who wants only the first few does not pay for a full buffer
const MAX_SCHEMA_RETRIES = 50;
const NO_EPOCH = -1;
const BUSY = 3; // what `start` returns besides DONE, ROWS and YIELD

/**
 * @typedef {import('./rows.js').SqlValue} SqlValue
 * @typedef {import('./schema.js').Prepared} Prepared
 * @typedef {import('./schema.js').View} View
 */

export class HostStatement {
  #address = 0;
  /** @type {ParameterBlock | null} */ #block = null;
  /** What `bind` was given. @type {unknown[] | null} */ #bound = null;
  #running = false;
  /** @type {View | null} */ #view = null;
  isOurs = false;
  #preparedAgain = 0;
  /** The error that BUSY stands for. @type {unknown} */
  refusal = null;
  /** What a step failed with whose last rows are in the buffer: [the error]. @type {[unknown] | null} */ #failure =
    null;
  /** @type {import('./rows.js').Shape['kind']} */ #mode = 'object';
  /** @type {import('./rows.js').Integers} */ #integers;
  /** @type {import('./rows.js').Shape} */ #shape = { kind: 'raw' };

  /**
   * Made by HostDatabase.prepare.
   * @param {import('./database.js').HostDatabase} database
   * @param {Prepared} prepared
   */
  constructor(database, prepared) {
    this.database = database;
    this.kernel = database.engine.kernel;
    this.#integers = database.integers;
    this.prepared = prepared;
    /** The SQL text. */
    this.source = prepared.sql;
    this.#allocate();
  }

  /** A kernel statement for `this.prepared`. */
  #allocate() {
    const { kernel, prepared } = this;
    const { program } = prepared.loaded;
    const columns = program.columns.length;
    const n = program.n_user_params + program.n_literals;
    const { address } = this.database.connection;
    this.#address = kernel.call('statement_new', address, program.frame_size, n, columns) >>> 0;
    this.#block = n ? new ParameterBlock(kernel, this.#address, program) : null;
    if (program.counts_changes) kernel.u32[(this.#address + S.flags) >>> 2] = FLAG_COUNTS_CHANGES;
    this.#view = null;
    kernel.i32[(this.#address + S.schema_epoch) >>> 2] = NO_EPOCH;
    if (prepared.literals.bytes.length) this.#block?.placeLiterals(prepared);
    this.#reshape();
    this.database.opened(this);
  }

  /** It reads for the compiler: in a transaction that has read nothing it leaves no snapshot behind. */
  peeking() {
    this.isOurs = true;
    this.kernel.call('statement_peeks', this.#address);
    return this;
  }

  /** Whether its kernel statement exists: not finalized, and the database was not replaced or closed meanwhile. */
  get live() {
    return this.#address !== 0;
  }

  toString() {
    return this.source;
  }

  /** Whether it returns rows. */
  get reader() {
    return this.prepared.loaded.program.returns_rows;
  }

  /** Whether it changes nothing. */
  get readonly() {
    return this.prepared.loaded.program.readonly;
  }

  /** The names of the parameters, with their prefix; null for plain ?. */
  get parameters() {
    return this.prepared.loaded.program.param_names;
  }

  /** Whether a run is under way (an iterator that is not at its end). */
  get busy() {
    return this.#running;
  }

  /** What sqlite_stmt shows of it. */
  get figures() {
    const program = this.prepared.loaded.program;
    return {
      runs: this.#u32(S.runs),
      sorts: this.#u32(S.sorts),
      indexed: this.#u32(S.indexed),
      preparedAgain: this.#preparedAgain,
      memory: this.kernel.call('statement_memory', this.#address) + program.wasm.length,
    };
  }

  /** The result columns. */
  columns() {
    return this.prepared.loaded.program.columns.map(({ name, decltype, table, origin }) => ({
      name,
      type: decltype,
      table,
      column: origin,
    }));
  }

  /** Rows as arrays instead of objects. @param {boolean} [on] */
  raw(on = true) {
    return this.#setMode('raw', on);
  }

  /** Only the first column of each row. @param {boolean} [on] */
  pluck(on = true) {
    return this.#setMode('pluck', on);
  }

  /** Rows as objects of objects, one for each table; "$" has the columns that are expressions. @param {boolean} [on] */
  expand(on = true) {
    return this.#setMode('expand', on);
  }

  /** @param {import('./rows.js').Integers} integers */
  decodeAs(integers) {
    this.#integers = integers;
  }

  /** Integers as BigInt; false: as numbers, and a RangeError for one that is none. @param {boolean} [on] */
  safeIntegers(on = true) {
    check('safeIntegers()', on, BOOLEAN);
    this.decodeAs(on ? 'bigint' : 'number');
    return this;
  }

  /** Bind parameters for good, once. @param {...unknown} args */
  bind(...args) {
    if (this.#bound) throw new TypeError('bind() can be called once: the statement has bound parameters already');
    this.#mustBeUsable();
    collect(args, this.prepared.loaded.program);
    this.#bound = args;
    return this;
  }

  /** @param {'raw' | 'pluck' | 'expand'} mode @param {boolean} on */
  #setMode(mode, on) {
    check(`${mode}()`, on, BOOLEAN);
    if (on) this.#mode = mode;
    else if (this.#mode === mode) this.#mode = 'object';
    this.#reshape();
    return this;
  }

  #reshape() {
    this.#shape = shapeOf(this.#mode, this.prepared.loaded.program.columns);
  }

  // --- running ------------------------------------------------------------------------------------

  /** Run to the end, dropping rows. @param {...unknown} args @returns {{changes: number, lastInsertRowid: number | bigint}} */
  run(...args) {
    let status = this.#startNow(args, 0);
    try {
      while (status !== DONE) status = this.step(0);
      return this.outcome();
    } finally {
      this.reset();
    }
  }

  /** The first row, or undefined. @param {...unknown} args @returns {any} */
  get(...args) {
    let status = this.#startNow(args, 1);
    try {
      while (status === YIELD) status = this.step(1);
      return this.rowCount ? this.take()[0] : undefined;
    } finally {
      this.reset();
    }
  }

  /** All rows. @param {...unknown} args @returns {any[]} */
  all(...args) {
    let status = this.#startNow(args, 0);
    try {
      /** @type {any[]} */
      const all = [];
      for (; ; status = this.step(0)) {
        if (status !== YIELD) this.take(all);
        if (status === DONE) return all;
      }
    } finally {
      this.reset();
    }
  }

  /** Rows one by one; leaving the loop early ends the run. @param {...unknown} args @returns {Generator<any, void>} */
  *iterate(...args) {
    let status = this.#startNow(args, FIRST_BATCH);
    try {
      if (status !== YIELD) yield* this.take();
      while (status !== DONE) {
        status = this.step(0);
        if (status !== YIELD) yield* this.take();
      }
    } finally {
      this.reset();
    }
  }

  // --- the parts of a run, for who drives it in slices (server.js) -------------------------------------------

  /**
   * Bind and run up to the first rows, the end or the end of a time slice: DONE, ROWS or YIELD (S2). BUSY: another connection has a lock
   * that is worth waiting for; nothing was done (`refusal`). A failure ends the run.
   * @param {unknown[]} args
   * @param {number} limit rows of the first batch, 0: a full buffer
   */
  start(args, limit) {
    const given = this.#bound ?? args;
    if (this.#bound && args.length) throw new TypeError('the statement has bound parameters already: it takes no more');
    if (this.#running) throw new SqlError('the statement is being iterated already', SQLITE_LOCKED);
    if (!this.#address) this.revive();
    this.#running = true;
    try {
      for (let attempt = 0; ; attempt++) {
        this.#see(this.database.viewOf(this.prepared.schema));
        if (this.#block) this.#bind(given);
        else if (given.length) collect(given, this.prepared.loaded.program);
        this.database.hooks.begin(this.kernel, this.#address);
        const status = this.step(limit);
        if (status === BUSY) this.reset();
        if (status !== PREPARE) return status;
        if (attempt === MAX_SCHEMA_RETRIES) throw new SqlError('database schema has changed', SQLITE_SCHEMA);
        this.#replace(this.database.prepareAgain(this.prepared));
        this.#preparedAgain++;
        this.#running = true;
      }
    } catch (error) {
      this.reset();
      throw aboutSql(error, this.source);
    }
  }

  /** As `start`, for who cannot wait for a lock. @param {unknown[]} args @param {number} limit */
  #startNow(args, limit) {
    const status = this.start(args, limit);
    if (status === BUSY) throw this.refusal;
    return status;
  }

  /** The schema that it runs against; null: the Program belongs to none that is there now, and the kernel refuses it. @param {View | null} view */
  #see(view) {
    if (view === this.#view) return;
    this.#view = view;
    const { i32 } = this.kernel.refresh();
    i32[(this.#address + S.schema_epoch) >>> 2] = view ? view.epoch : NO_EPOCH;
    if (view) i32.set(view.cookies, (this.#address + S.cookies) >>> 2);
  }

  #stepping = false;

  /** In a call of the user's code the statement that called is left alone. */
  #mustNotStep() {
    if (this.#stepping) throw new SqlError('the statement is running', SQLITE_LOCKED);
  }

  /** Whether the last step has only given way: rows that were in the buffer are those of the step that goes on. */
  #gaveWay = false;

  /** Run on: DONE, ROWS or YIELD. What was in the buffer is gone (S3), unless the step before gave YIELD. @param {number} limit */
  step(limit) {
    this.#mustNotStep();
    if (this.#failure) throw aboutSql(this.#failure[0], this.source);
    const { kernel } = this;
    const { u32 } = kernel.refresh();
    const at = this.#address >>> 2;
    if (!this.#gaveWay) {
      u32[at + (S.rows_used >> 2)] = 0;
      u32[at + (S.row_count >> 2)] = 0;
      u32[at + (S.heap_used >> 2)] = 0;
      u32[at + (S.heap_not_ascii >> 2)] = 0;
    }
    u32[at + (S.row_limit >> 2)] = limit;
    this.#gaveWay = false;
    this.#stepping = true;
    try {
      const status = this.#run(this.prepared.loaded.step);
      this.#gaveWay = status === YIELD;
      return status;
    } finally {
      this.#stepping = false;
      this.database.hooks.tell(this.database);
    }
  }

  /** @param {(statement: number) => number} step @returns {number} */
  #run(step) {
    const { kernel } = this;
    for (;;) {
      try {
        const status = step(this.#address);
        if (status !== YIELD || !this.database.hooks.progress) return status;
        this.database.hooks.between(this.database.connection, this.#address, step);
      } catch (error) {
        const cause = kernel.trap(error);
        const next = this.#failed();
        if (next === RAISE) {
          if (!this.rowCount) throw aboutSql(cause, this.source);
          this.#failure = [cause];
          return ROWS;
        }
        if (next === PREPARE) return PREPARE;
        this.refusal = cause;
        const { sleep } = this.database;
        if (!sleep) return BUSY;
        sleep(next);
        if (this.#u32(S.flags) & FLAG_FINISHING) step = this.#commit;
      }
    }
  }

  /** What is left to do of a run whose commit had to wait. */
  #commit = (/** @type {number} */ statement) => {
    this.kernel.exports.statement_done(statement);
    return DONE;
  };

  /** Undo what a failed step did (S1); what now. Undoing may trap too, on a corrupt file; the second time nothing is read. */
  #failed() {
    const { kernel } = this;
    try {
      return kernel.exports.statement_failed(this.#address);
    } catch (again) {
      kernel.trap(again);
      return kernel.exports.statement_failed(this.#address);
    }
  }

  /** Rows in the buffer. */
  get rowCount() {
    return this.#u32(S.row_count);
  }

  /** The rows in the buffer, shaped, behind those of `out`. @param {any[]} [out] @returns {any[]} */
  take(out = []) {
    const batch = this.#batch();
    return batch.count ? decodeRows(this.kernel, batch, this.#integers, this.#shape, out) : out;
  }

  /** A copy of the rows in the buffer, to be decoded elsewhere: the rows, then the heap. */
  copy() {
    const batch = this.#batch();
    const rowsSize = batch.count * rowSize(batch.columns);
    const bytes = new Uint8Array(rowsSize + ((batch.heapUsed + 7) & ~7));
    const { u8 } = this.kernel;
    bytes.set(u8.subarray(batch.rows, batch.rows + rowsSize));
    bytes.set(u8.subarray(batch.heap, batch.heap + batch.heapUsed), rowsSize);
    return { ...batch, rows: 0, heap: rowsSize, buffer: bytes.buffer };
  }

  /** @returns {import('./rows.js').Batch} */
  #batch() {
    const { u32 } = this.kernel.refresh();
    const at = this.#address >>> 2;
    return {
      rows: u32[at + (S.rows >> 2)],
      count: u32[at + (S.row_count >> 2)],
      heap: u32[at + (S.heap >> 2)],
      heapUsed: u32[at + (S.heap_used >> 2)],
      ascii: u32[at + (S.heap_not_ascii >> 2)] === 0,
      columns: this.prepared.loaded.program.columns.length,
    };
  }

  /** What `run` returns, after DONE. */
  outcome() {
    return this.database.connection.outcome(this.prepared.loaded.program, this.#integers);
  }

  /** End the run, whether it is at its end or not. */
  reset() {
    this.#mustNotStep();
    this.#running = false;
    this.#gaveWay = false;
    this.#failure = null;
    if (!this.#address) return;
    const { exports } = this.kernel; // not `call`: this runs once a row of a bulk insert
    try {
      exports.statement_reset(this.#address);
    } catch (error) {
      const cause = this.kernel.trap(error);
      exports.error_clear();
      throw cause;
    }
    this.#block?.trim();
  }

  // --- parameters -----------------------------------------------------------------------------------

  /** @param {unknown[]} args */
  #bind(args) {
    const values = collect(args, this.prepared.loaded.program);
    if (this.prepared.sql !== this.source) return this.#bindLists(args);
    try {
      /** @type {ParameterBlock} */ (this.#block).put(values);
    } catch (error) {
      if (!values.some((value) => Array.isArray(value) || isNames(value))) throw error;
      this.#bindLists(args);
    }
  }

  /** Arrays where lists may stand (lists.js) are bound as such; elsewhere they stand for their elements. @param {unknown[]} args */
  #bindLists(args) {
    const { values, text } = unfold(args, this.source, this.prepared.loaded.program);
    if (text !== this.prepared.sql) {
      this.#replace(/** @type {Prepared} */ (this.database.prepareText(text, 0)));
      this.#running = true;
      this.#see(this.database.viewOf(this.prepared.schema));
    }
    /** @type {ParameterBlock} */ (this.#block).put(values);
  }

  // --- the end ------------------------------------------------------------------------------------------

  /** Use another compiled form of the same text. @param {Prepared} prepared */
  #replace(prepared) {
    this.abandon();
    this.prepared = prepared;
    this.#allocate();
  }

  /** Compile again after the database was replaced under it. */
  revive() {
    this.#mustBeUsable();
    const { sql, start } = this.prepared;
    this.prepared = /** @type {Prepared} */ (this.database.prepareText(sql, start));
    this.#allocate();
  }

  finalized = false;

  #mustBeUsable() {
    if (this.finalized) throw misuse('the statement has been finalized');
  }

  /** Give the kernel statement up; it comes back when it is used again. */
  abandon() {
    this.#mustNotStep();
    if (!this.#address) return;
    const at = this.#address;
    this.#address = 0;
    this.#running = false;
    this.#failure = null;
    this.database.closed(this);
    this.kernel.call('statement_free', at);
    this.#block?.free();
    this.#block = null;
  }

  /** Give everything back; the statement cannot be used any more. */
  finalize() {
    this.abandon();
    this.finalized = true;
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.finalize();
  }

  /** @param {number} offset */
  #u32(offset) {
    return this.kernel.refresh().u32[(this.#address + offset) >>> 2];
  }
}

export { BUSY, DONE, ROWS, YIELD };
