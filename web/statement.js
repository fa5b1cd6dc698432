/**
 * A prepared statement inside the worker: synchronous, on the kernel, without Python in the way.
 *
 * The loop is: bind → step → decode rows → step … → DONE, then reset. A trap is followed by statement_abort.
 */

import { DONE, Statement as S, YIELD } from './abi.js';
import { SqlError } from './errors.js';
import { SLOT_SIZE, collect, heapNeeded, writeValues } from './parameters.js';
import { decodeRows, objectMaker } from './rows.js';

const SQLITE_SCHEMA = 17;
const SQLITE_LOCKED = 6;
const FIRST_BATCH = 64; // rows; who wants only the first few does not pay for a full buffer
const MAX_SCHEMA_RETRIES = 50;
const KEEP_BLOCK = 1 << 20;

/** @typedef {import('./rows.js').SqlValue} SqlValue */

export class Statement {
  #address = 0;
  #paramsAt = 0;
  #paramsSize = 0;
  #running = false;
  #raw = false;
  #pluck = false;
  /** @type {'number' | 'bigint' | 'auto'} */ #integers;
  /** @type {((values: SqlValue[]) => any) | null} */ #make = null;

  /**
   * Made by Database.prepare.
   * @param {import('./database.js').Database} database
   * @param {import('./database.js').Prepared} prepared
   */
  constructor(database, prepared) {
    this.database = database;
    this.kernel = database.engine.kernel;
    this.#integers = database.integers;
    this.#use(prepared);
  }

  /** @param {import('./database.js').Prepared} prepared */
  #use(prepared) {
    this.finalize();
    this.prepared = prepared;
    const { program } = prepared;
    this.#address = this.kernel.call(
      'statement_new', this.database.connection, program.frame_size,
      program.n_user_params + program.n_literals, program.columns.length,
    ) >>> 0;
    this.#paramsAt = this.#u32(S.params);
    this.#paramsSize = (program.n_user_params + program.n_literals) * SLOT_SIZE;
    this.#make = null;
    this.database.opened(this);
  }

  /** The SQL text. */
  get source() {
    return this.prepared.sql;
  }

  /** Whether it returns rows. */
  get reader() {
    return this.prepared.program.returns_rows;
  }

  /** Whether it changes nothing. */
  get readonly() {
    return this.prepared.program.readonly;
  }

  /** The result columns. */
  columns() {
    return this.prepared.program.columns.map(({ name, decltype, table, origin }) => ({
      name, type: decltype, table, column: origin,
    }));
  }

  /** Rows as arrays instead of objects. @param {boolean} [on] */
  raw(on = true) {
    this.#raw = on;
    if (on) this.#pluck = false;
    this.#make = null;
    return this;
  }

  /** Only the first column of each row. @param {boolean} [on] */
  pluck(on = true) {
    this.#pluck = on;
    if (on) this.#raw = false;
    this.#make = null;
    return this;
  }

  /** Integers as BigInt. @param {boolean} [on] */
  safeIntegers(on = true) {
    this.#integers = on ? 'bigint' : 'number';
    return this;
  }

  // --- running ------------------------------------------------------------------------------------

  /** Run to the end, dropping rows. @param {...unknown} args @returns {{changes: number, lastInsertRowid: number | bigint}} */
  run(...args) {
    for (const batch of this.#batches(args, 0)) void batch;
    return this.database.outcome(this.prepared.program, this.#integers);
  }

  /** The first row, or undefined. @param {...unknown} args */
  get(...args) {
    for (const rows of this.#batches(args, 1)) if (rows.length) return this.#shape(rows[0]);
    return undefined;
  }

  /** All rows. @param {...unknown} args @returns {any[]} */
  all(...args) {
    /** @type {any[]} */
    let all = [];
    for (const rows of this.#batches(args, 0)) {
      const shaped = this.#raw ? rows : rows.map((row) => this.#shape(row));
      if (!all.length) all = shaped;
      else for (const row of shaped) all.push(row);
    }
    return all;
  }

  /** Rows one by one; leaving the loop early ends the statement. @param {...unknown} args */
  *iterate(...args) {
    for (const rows of this.#batches(args, FIRST_BATCH)) for (const row of rows) yield this.#shape(row);
  }

  /** Batches of rows as `all` would shape them. @param {unknown[]} args @param {number} first rows of the first batch */
  *batches(args, first) {
    for (const rows of this.#batches(args, first)) yield rows.map((row) => this.#shape(row));
  }

  /** @param {SqlValue[]} row @returns {any} */
  #shape(row) {
    if (this.#raw) return row;
    if (this.#pluck) return row[0];
    this.#make ??= objectMaker(this.prepared.program.columns.map((column) => column.name));
    return this.#make(row);
  }

  /**
   * Run with `args`; yields arrays of rows. When the schema has changed since the statement was compiled it is compiled again.
   * @param {unknown[]} args
   * @param {number} firstLimit rows of the first batch, 0: a full buffer
   * @returns {Generator<SqlValue[][], void>}
   */
  *#batches(args, firstLimit) {
    if (this.#running) throw new SqlError('this statement is being iterated already', SQLITE_LOCKED);
    if (!this.#address) throw new SqlError('the statement has been finalized', 21);
    this.#running = true;
    try {
      for (let attempt = 0, limit = firstLimit; ; limit = 0) {
        let status;
        try {
          if (limit === firstLimit) this.#bind(args);
          status = this.#step(limit);
        } catch (error) {
          const stale = error instanceof SqlError && error.errcode === SQLITE_SCHEMA;
          if (!stale || ++attempt > MAX_SCHEMA_RETRIES) throw error;
          this.#use(this.database.recompile(this.prepared));
          limit = firstLimit;
          continue;
        }
        if (status === YIELD) continue;
        const count = this.#u32(S.row_count);
        if (count) yield this.#rows(count);
        if (status === DONE) return;
      }
    } finally {
      this.#running = false;
      if (this.#address) this.kernel.call('statement_reset', this.#address);
      if (this.#paramsSize > KEEP_BLOCK) this.#makeRoom(0);
    }
  }

  /** @param {number} limit */
  #step(limit) {
    const { kernel } = this;
    const { u32 } = kernel.refresh();
    const at = this.#address;
    u32[(at + S.rows_used) >> 2] = 0;
    u32[(at + S.row_count) >> 2] = 0;
    u32[(at + S.heap_used) >> 2] = 0;
    u32[(at + S.heap_not_ascii) >> 2] = 0;
    u32[(at + S.row_limit) >> 2] = limit;
    try {
      return this.prepared.step(at);
    } catch (error) {
      const cause = kernel.trap(error);
      try {
        kernel.exports.statement_abort(at);
      } finally {
        kernel.exports.error_clear();
      }
      throw cause;
    }
  }

  /** @param {number} count */
  #rows(count) {
    const batch = {
      rows: this.#u32(S.rows),
      count,
      heap: this.#u32(S.heap),
      heapUsed: this.#u32(S.heap_used),
      ascii: this.#u32(S.heap_not_ascii) === 0,
      columns: this.prepared.program.columns.length,
    };
    return decodeRows(this.kernel, batch, this.#integers);
  }

  // --- parameters -----------------------------------------------------------------------------------

  /** @param {unknown[]} args */
  #bind(args) {
    const { program, literals } = this.prepared;
    const values = collect(args, program);
    const n = program.n_user_params + program.n_literals;
    if (n === 0) return;
    const needed = n * SLOT_SIZE + heapNeeded(values) + heapNeeded(literals);
    if (needed > this.#paramsSize) this.#makeRoom(needed);
    const at = this.#paramsAt;
    const heap = writeValues(this.kernel, values, at, at + n * SLOT_SIZE);
    writeValues(this.kernel, literals, at + program.n_user_params * SLOT_SIZE, heap);
  }

  /** @param {number} size */
  #makeRoom(size) {
    const { program } = this.prepared;
    const wanted = Math.max(size + (size >> 2), (program.n_user_params + program.n_literals) * SLOT_SIZE, 64);
    const at = this.kernel.call('malloc', wanted) >>> 0;
    this.kernel.call('mfree', this.#paramsAt);
    this.#paramsAt = at;
    this.#paramsSize = wanted;
    this.kernel.refresh().u32[(this.#address + S.params) >> 2] = at;
  }

  /** @param {number} offset */
  #u32(offset) {
    return this.kernel.refresh().u32[(this.#address + offset) >> 2];
  }

  /** Give the statement's memory back. */
  finalize() {
    if (!this.#address) return;
    const at = this.#address;
    this.#address = 0;
    this.database.closed(this);
    this.kernel.call('statement_free', at);
  }

  [Symbol.dispose ?? Symbol.for('dispose')]() {
    this.finalize();
  }
}

