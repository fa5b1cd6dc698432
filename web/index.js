/**
 * turso-wasm in a page: databases that live in a worker.
 *
 *     import { connect } from 'turso-wasm';
 *     const db = await connect('app.db');
 *     const rows = await db.prepare('SELECT * FROM users WHERE id = ?').all(1);
 *
 * The methods are those of better-sqlite3, asynchronous. Types and their documentation: index.d.ts.
 */

import { misuse, SqlError } from '../base/errors.js';
import { Client } from './client.js';
import { unpackError } from './protocol.js';
import { decodeRows, viewsOf } from './rows.js';

export { SqlError };

/** @type {Map<string, {client: Client, started: Promise<any>}>} */
const workers = new Map();

/** @param {string} name @param {any} [options] */
export async function connect(name, options = {}) {
  if (typeof name !== 'string') throw new TypeError(`a database name must be a string, not ${typeof name}`);
  const { signal, onProgress, readonly, create, integers, ...where } = options;
  const client = await workerFor(where, onProgress);
  const { database } = await client.request({ op: 'open', name, options: { readonly, create, integers } }, { signal });
  return new Database(client, database, name, integers ?? 'auto');
}

/** The names of the databases in this origin's file system. @param {any} [options] @returns {Promise<string[]>} */
export async function list(options = {}) {
  return (await (await workerFor(options)).request({ op: 'list' })).names;
}

/** Delete a database that is not open anywhere. @param {string} name @param {any} [options] */
export async function remove(name, options = {}) {
  await (await workerFor(options)).request({ op: 'remove', name });
}

/**
 * The worker for these assets, started when it is first asked for.
 * @param {{assets?: string | URL, pyodide?: string | URL, worker?: Worker | (() => Worker)}} options
 * @param {(stage: string) => void} [onProgress]
 */
async function workerFor({ assets, pyodide, worker }, onProgress) {
  const base = folder(assets ?? new URL('../dist/', import.meta.url));
  const key = `${base} ${pyodide ?? ''}`;
  let known = worker ? undefined : workers.get(key);
  if (!known) {
    const client = new Client(typeof worker === 'function' ? worker() : (worker ?? newWorker()));
    const urls = { kernel: `${base}kernel.wasm`, wheel: `${base}turso_wasm.whl` };
    const init = {
      op: 'init',
      kernel: urls.kernel,
      compiler: { wheel: urls.wheel, pyodide: folder(pyodide ?? `${base}pyodide/`) },
    };
    known = { client, started: client.request(init) };
    if (!worker) workers.set(key, known);
  }
  try {
    onProgress?.('kernel');
    await known.started;
    onProgress?.('compiler');
    await known.client.request({ op: 'ready' });
    onProgress?.('ready');
  } catch (error) {
    if (workers.get(key) === known) workers.delete(key);
    known.client.terminate();
    throw error;
  }
  return known.client;
}

function newWorker() {
  return new Worker(new URL('./worker.js', import.meta.url), { type: 'module', name: 'turso-wasm' });
}

/** An absolute URL with a slash at its end. @param {string | URL} url */
function folder(url) {
  const { href } = new URL(String(url), globalThis.location?.href ?? import.meta.url);
  return href.endsWith('/') ? href : `${href}/`;
}

/** What a database and a transaction have in common: statements. */
class Handle {
  /** @param {Connection} connection @param {boolean} inside in the transaction that the others wait for */
  constructor(connection, inside) {
    this.connection = connection;
    this.inside = inside;
  }

  /** @param {string} sql */
  prepare(sql) {
    if (typeof sql !== 'string') throw new TypeError(`SQL must be a string, not ${typeof sql}`);
    return new Statement(this, sql);
  }

  /** @param {string} sql @param {{signal?: AbortSignal}} [options] */
  async exec(sql, options) {
    await this.request({ op: 'exec', sql }, options);
    return this;
  }

  /** @param {string} sql @param {...any} args */
  async run(sql, ...args) {
    return this.#once(sql, (statement) => statement.run(...args));
  }

  /** @param {string} sql @param {...any} args */
  async get(sql, ...args) {
    return this.#once(sql, (statement) => statement.get(...args));
  }

  /** @param {string} sql @param {...any} args */
  async all(sql, ...args) {
    return this.#once(sql, (statement) => statement.all(...args));
  }

  /** @param {string} text @param {{simple?: boolean}} [options] */
  async pragma(text, { simple = false } = {}) {
    return this.#once(`PRAGMA ${text}`, (statement) => (simple ? statement.pluck().get() : statement.all()));
  }

  /** @template T @param {string} sql @param {(statement: Statement) => Promise<T>} use */
  async #once(sql, use) {
    const statement = this.prepare(sql);
    try {
      return await use(statement);
    } finally {
      statement.finalize();
    }
  }

  /** @param {Record<string, any>} fields @param {any} [options] */
  request(fields, options) {
    return this.connection.request(fields, { ...options, inside: this.inside });
  }

  /** @param {(tx: Transaction, ...args: any[]) => any} fn */
  transaction(fn) {
    if (typeof fn !== 'function') throw new TypeError('transaction() takes a function');
    const mode =
      (/** @type {string} */ begin) =>
      (/** @type {any[]} */ ...args) =>
        this.inTransaction(begin, (tx) => fn(tx, ...args));
    return Object.assign(mode('BEGIN'), {
      deferred: mode('BEGIN'),
      immediate: mode('BEGIN IMMEDIATE'),
      exclusive: mode('BEGIN EXCLUSIVE'),
    });
  }

  /** @param {string} begin @param {(tx: Transaction) => any} act @returns {Promise<any>} */
  inTransaction(begin, act) {
    return this.inside
      ? this.#savepoint(act)
      : this.connection.alone(() => this.#around([begin, 'COMMIT', 'ROLLBACK'], act));
  }

  /** @param {(tx: Transaction) => any} act */
  #savepoint(act) {
    const name = `_transaction_${this.connection.client.number()}`;
    return this.#around([`SAVEPOINT ${name}`, `RELEASE ${name}`, `ROLLBACK TO ${name}; RELEASE ${name}`], act);
  }

  /** @param {string[]} words @param {(tx: Transaction) => any} act */
  async #around([begin, commit, rollback], act) {
    const tx = new Transaction(this.connection, true);
    await tx.exec(begin);
    try {
      const result = await act(tx);
      await tx.exec(commit);
      return result;
    } catch (error) {
      const { inTransaction } = await tx.request({ op: 'status' });
      if (inTransaction) await tx.exec(rollback);
      throw error;
    } finally {
      tx.over = true;
    }
  }
}

/** What the function given to `transaction` gets: statements inside it. */
class Transaction extends Handle {
  over = false;

  /** @param {Record<string, any>} fields @param {any} [options] */
  request(fields, options) {
    if (this.over) return Promise.reject(misuse('the transaction is over'));
    return super.request(fields, options);
  }
}

/** An open database in the worker, and who may talk to it. */
class Connection {
  /** @type {Promise<void> | null} */ #transaction = null;
  /** @type {Set<number>} */ running = new Set();
  closed = false;

  /** @param {Client} client @param {number} number @param {import('./rows.js').Integers} integers */
  constructor(client, number, integers) {
    this.client = client;
    this.number = number;
    this.integers = integers;
  }

  /** @param {Record<string, any>} fields @param {{inside: boolean, signal?: AbortSignal, onRows?: any}} options */
  async request(fields, { inside, ...options }) {
    while (!inside && this.#transaction) await this.#transaction;
    if (this.closed) throw misuse('the database is closed');
    let id = 0;
    const onSent = (/** @type {number} */ sent) => {
      id = sent;
      this.running.add(id);
    };
    try {
      return await this.client.request({ ...fields, database: this.number }, { ...options, onSent });
    } finally {
      this.running.delete(id);
    }
  }

  /** Run `act` while every request from outside waits. @template T @param {() => Promise<T>} act */
  async alone(act) {
    while (this.#transaction) await this.#transaction;
    let done = () => {};
    this.#transaction = new Promise((resolve) => {
      done = resolve;
    });
    try {
      return await act();
    } finally {
      this.#transaction = null;
      done();
    }
  }
}

export class Database extends Handle {
  /** @param {Client} client @param {number} number @param {string} name @param {import('./rows.js').Integers} integers */
  constructor(client, number, name, integers) {
    super(new Connection(client, number, integers), false);
    this.name = name;
  }

  get open() {
    return !this.connection.closed;
  }

  /** @param {string} sql @param {{limit?: number, signal?: AbortSignal}} [options] */
  async script(sql, { limit = 1000, signal } = {}) {
    const { results, error } = await this.request({ op: 'script', sql, limit }, { signal });
    return { results, error: error && unpackError(error) };
  }

  async status() {
    return this.request({ op: 'status' });
  }

  /** @returns {Promise<Uint8Array>} */
  async export() {
    return new Uint8Array((await this.request({ op: 'export' })).buffer);
  }

  /** @param {Blob | ArrayBuffer | ArrayBufferView | Response | ReadableStream | string | URL} source */
  async import(source) {
    await this.request({ op: 'import', blob: await blobOf(source) });
  }

  interrupt() {
    for (const id of this.connection.running) this.connection.client.cancel(id);
  }

  async close() {
    if (this.connection.closed) return;
    const closing = this.request({ op: 'close' });
    this.connection.closed = true;
    await closing;
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }
}

/** @param {any} source @returns {Promise<Blob>} */
async function blobOf(source) {
  if (source instanceof Blob) return source;
  if (typeof source === 'string' || source instanceof URL) {
    const response = await fetch(source);
    if (!response.ok) throw new Error(`${source} could not be fetched: HTTP status ${response.status}`);
    return response.blob();
  }
  if (source instanceof Response) return source.blob();
  if (source instanceof ReadableStream) return new Response(source).blob();
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return new Blob([/** @type {BlobPart} */ (source)]);
  throw new TypeError('import() takes a Blob, bytes, a Response, a ReadableStream or a URL');
}

/** Statements that pages forgot to finalize. */
const forgotten = new FinalizationRegistry((/** @type {{client: Client, number: number}} */ { client, number }) => {
  client.notify({ op: 'finalize', statement: number });
});

export class Statement {
  #number;
  #finalized = false;
  /** @type {'object' | 'raw' | 'pluck'} */ #mode = 'object';
  /** @type {import('./rows.js').Integers} */ #integers;
  /** @type {AbortSignal | null} */ #signal = null;

  /** Made by `prepare`. @param {Handle} handle @param {string} sql */
  constructor(handle, sql) {
    this.handle = handle;
    this.source = sql;
    const { client, integers } = handle.connection;
    this.#integers = integers;
    this.#number = client.number();
    forgotten.register(this, { client, number: this.#number }, this);
  }

  raw(on = true) {
    return this.#setMode('raw', on);
  }

  pluck(on = true) {
    return this.#setMode('pluck', on);
  }

  /** @param {'raw' | 'pluck'} mode @param {boolean} on */
  #setMode(mode, on) {
    if (on) this.#mode = mode;
    else if (this.#mode === mode) this.#mode = 'object';
    return this;
  }

  safeIntegers(on = true) {
    this.#integers = on ? 'bigint' : 'number';
    return this;
  }

  /** @param {AbortSignal | null} signal */
  signal(signal) {
    this.#signal = signal;
    return this;
  }

  /** @param {...any} args */
  async run(...args) {
    return this.#request('run', args);
  }

  /** @param {...any} args */
  async get(...args) {
    return this.#decode(await this.#request('get', args))[0];
  }

  /** @param {...any} args */
  async all(...args) {
    /** @type {any[][]} */
    const batches = [];
    const last = await this.#request('all', args, (rows) => batches.push(this.#decode(rows)));
    const tail = this.#decode(last);
    if (!batches.length) return tail;
    const all = batches[0];
    for (const rows of [...batches.slice(1), tail]) for (let i = 0; i < rows.length; i++) all.push(rows[i]);
    return all;
  }

  /** @param {...any} args */
  async *iterate(...args) {
    const options = { signal: this.#signal, inside: true };
    const { connection } = this.handle;
    /** @type {import('./protocol.js').Rows} */
    let rows = await this.#request('iterate', args);
    try {
      for (;;) {
        const { cursor } = rows;
        // the worker fills the next batch while this one is read
        const following = cursor === undefined ? null : connection.request({ op: 'next', cursor }, options);
        following?.catch(() => undefined);
        yield* this.#decode(rows);
        if (!following) return;
        rows = { packed: null, names: [], cursor };
        rows = await following;
      }
    } finally {
      if (rows.cursor !== undefined && !connection.closed) {
        await connection.request({ op: 'return', cursor: rows.cursor }, { inside: true });
      }
    }
  }

  async columns() {
    return (await this.describe()).columns;
  }

  async describe() {
    return this.#request('describe', []);
  }

  finalize() {
    if (this.#finalized) return;
    this.#finalized = true;
    forgotten.unregister(this);
    this.handle.connection.client.notify({ op: 'finalize', statement: this.#number });
  }

  [Symbol.dispose ?? Symbol.for('Symbol.dispose')]() {
    this.finalize();
  }

  /** @param {string} op @param {any[]} args @param {(rows: import('./protocol.js').Rows) => void} [onRows] */
  #request(op, args, onRows) {
    if (this.#finalized) return Promise.reject(misuse('the statement has been finalized'));
    const fields = { op, statement: this.#number, sql: this.source, args };
    return this.handle.request(fields, { signal: this.#signal, onRows });
  }

  /** @param {import('./protocol.js').Rows} rows @returns {any[]} */
  #decode({ packed, names }) {
    if (!packed) return [];
    /** @type {import('./rows.js').Shape} */
    const shape = this.#mode === 'object' ? { kind: 'object', names } : { kind: this.#mode };
    return decodeRows(viewsOf(packed.buffer), packed, this.#integers, shape);
  }
}
