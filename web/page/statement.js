/** A prepared statement of a page. */

import { misuse } from '../../base/errors.js';
import { decodeRows, shapeOf, viewsOf } from '../rows.js';
import { BOOLEAN, check, checkParameters, SIGNAL } from './check.js';

/** @typedef {import('./remote.js').RemoteDatabase} RemoteDatabase */
/** @typedef {{connection: RemoteDatabase}} Connected */
/** @typedef {import('../protocol.js').Rows} Rows */

/** Statements that pages forgot to finalize. */
const forgotten = new FinalizationRegistry(
  (/** @type {Connected & {statement: number}} */ { connection, statement }) => {
    finalize(connection, statement);
  },
);

/** Readers that pages left without a word: not at their end, nor with `break`. */
const dropped = new FinalizationRegistry((/** @type {Connected & {cursor?: number}} */ { connection, cursor }) => {
  const { client, number: database } = connection;
  if (cursor !== undefined) client.notify({ op: 'leave', database, cursor });
});

/** @param {RemoteDatabase} connection @param {number} statement */
function finalize({ client, number: database }, statement) {
  client.notify({ op: 'finalize', database, statement });
}

export class Statement {
  #number;
  #finalized = false;
  /** How many runs are under way. */ #running = 0;
  /** What `bind` was given. @type {any[] | null} */ #bound = null;
  /** @type {import('../rows.js').Shape['kind']} */ #mode = 'object';
  /** @type {import('../rows.js').Integers} */ #integers;
  /** @type {AbortSignal | null} */ #signal = null;

  /** Made by `prepare`. @param {import('./handle.js').Handle} handle @param {string} sql */
  constructor(handle, sql) {
    this.handle = handle;
    this.source = sql;
    const { connection } = handle;
    this.#integers = connection.integers;
    this.#number = connection.client.number();
    forgotten.register(this, { connection, statement: this.#number }, this);
  }

  raw(on = true) {
    return this.#setMode('raw', on);
  }

  pluck(on = true) {
    return this.#setMode('pluck', on);
  }

  expand(on = true) {
    return this.#setMode('expand', on);
  }

  /** @param {...any} args */
  bind(...args) {
    if (this.#bound) throw new TypeError('bind() can be called once: the statement has bound parameters already');
    checkParameters(args);
    this.#bound = args;
    return this;
  }

  toString() {
    return this.source;
  }

  get database() {
    return this.handle;
  }

  /** Whether a run is under way. */
  get busy() {
    return this.#running > 0;
  }

  /** Whether it returns rows. @returns {Promise<boolean>} */
  get reader() {
    return this.describe().then(({ reader }) => reader);
  }

  /** Whether it changes nothing. @returns {Promise<boolean>} */
  get readonly() {
    return this.describe().then(({ readonly }) => readonly);
  }

  /** @param {'raw' | 'pluck' | 'expand'} mode @param {boolean} on */
  #setMode(mode, on) {
    check(`${mode}()`, on, BOOLEAN);
    if (on) this.#mode = mode;
    else if (this.#mode === mode) this.#mode = 'object';
    return this;
  }

  safeIntegers(on = true) {
    check('safeIntegers()', on, BOOLEAN);
    this.#integers = on ? 'bigint' : 'number';
    return this;
  }

  /** @param {AbortSignal | null} signal */
  signal(signal) {
    check('signal()', signal, SIGNAL);
    this.#signal = signal;
    return this;
  }

  /** @param {...any} args */
  async run(...args) {
    const { changes, lastInsertRowid } = await this.#request('run', args);
    return { changes, lastInsertRowid: this.#integer(lastInsertRowid) };
  }

  /** @param {number | bigint} value */
  #integer(value) {
    return this.#integers === 'bigint' ? BigInt(value) : value;
  }

  /** @param {...any} args */
  async get(...args) {
    return this.#decode(await this.#request('get', args))[0];
  }

  /** @param {...any} args */
  async all(...args) {
    /** @type {any[][]} */
    const batches = [];
    const onRows = (/** @type {Rows | null} */ rows) => {
      if (rows) batches.push(this.#decode(rows));
      else batches.length = 0;
    };
    const last = await this.#request('all', args, onRows);
    const tail = this.#decode(last);
    if (!batches.length) return tail;
    const all = batches[0];
    for (const rows of [...batches.slice(1), tail]) for (let i = 0; i < rows.length; i++) all.push(rows[i]);
    return all;
  }

  /** @param {...any} args */
  iterate(...args) {
    /** @type {Connected & {cursor?: number}} */
    const held = { connection: this.handle.connection };
    const rows = this.#rows(args, held);
    dropped.register(rows, held);
    return rows;
  }

  /** @param {any[]} args @param {{cursor?: number}} held the cursor that the worker keeps for it */
  async *#rows(args, held) {
    const { connection } = this.handle;
    /** @type {Rows} */
    let rows = await this.#request('iterate', args);
    const { tables } = rows;
    held.cursor = rows.cursor;
    const signal = this.#signal ?? this.handle.abort;
    this.#running++;
    try {
      for (;;) {
        const { cursor } = rows;
        // the worker fills the next batch while this one is read
        const following = cursor === undefined ? null : connection.send({ op: 'next', cursor }, { signal });
        following?.catch(() => undefined);
        yield* this.#decode({ ...rows, tables });
        if (!following) return;
        rows = await following;
        held.cursor = rows.cursor;
      }
    } finally {
      this.#running--;
      const { cursor } = held;
      held.cursor = undefined;
      if (cursor !== undefined) await connection.send({ op: 'return', cursor }).catch(() => undefined);
    }
  }

  async columns() {
    return (await this.describe()).columns;
  }

  async describe() {
    return this.#ask('describe', []);
  }

  finalize() {
    if (this.#finalized) return;
    this.#finalized = true;
    forgotten.unregister(this);
    finalize(this.handle.connection, this.#number);
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.finalize();
  }

  /** @param {string} op @param {any[]} args @param {(rows: Rows | null) => void} [onRows] */
  async #request(op, args, onRows) {
    checkParameters(args);
    if (this.#bound && args.length) throw new TypeError('the statement has bound parameters already: it takes no more');
    this.#running++;
    try {
      return await this.#ask(op, this.#bound ?? args, onRows);
    } finally {
      this.#running--;
    }
  }

  /** @param {string} op @param {any[]} args @param {(rows: Rows | null) => void} [onRows] */
  #ask(op, args, onRows) {
    if (this.#finalized) throw misuse('the statement has been finalized');
    const tables = this.#mode === 'expand' || undefined;
    const fields = { op, statement: this.#number, sql: this.source, args, tables };
    return this.handle.request(fields, { signal: this.#signal, onRows });
  }

  /** @param {Rows} rows @returns {any[]} */
  #decode({ packed, names, tables }) {
    if (!packed) return [];
    const columns = names.map((name, i) => ({ name, table: tables?.[i] ?? null }));
    return decodeRows(viewsOf(packed.buffer), packed, this.#integers, shapeOf(this.#mode, columns));
  }
}
