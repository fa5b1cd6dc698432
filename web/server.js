/**
 * The worker's side of the protocol: requests in, answers out, databases in between.
 *
 * Invariants:
 *   V1  Requests of one database run one after the other; a long one pauses every few milliseconds so that `cancel` and other databases
 *       are heard. While one that writes pauses, the other databases on its file wait: they would only find it locked.
 *   V2  Every request but `cancel` and `finalize` gets exactly one answer.
 *   V3  A cancelled statement is reset, which undoes what it wrote.
 */

import { misuse, SQLITE_INTERRUPT, SqlError } from '../base/errors.js';
import { Engine } from './engine.js';
import { packError } from './protocol.js';
import { DONE, ROWS, YIELD } from './statement.js';

const SLICE_MS = 12;
const FIRST_BATCH = 256;

/**
 * @typedef {import('./database.js').Database} Database
 * @typedef {import('./statement.js').Statement} Statement
 * @typedef {{cancelled: boolean, paused: number}} Job
 * @typedef {object} Open an open database
 * @property {Database} database
 * @property {Promise<unknown>} queue
 * @typedef {{statement: Statement, open: Open, done: boolean}} Cursor
 */

export class Server {
  /** @type {Promise<Engine> | null} */ #engine = null;
  /** @type {Map<number, Open>} */ #databases = new Map();
  /** @type {Map<number, {statement: Statement, open: Open}>} */ #statements = new Map();
  /** @type {Map<number, Cursor>} */ #cursors = new Map();
  /** @type {Map<number, Job>} */ #jobs = new Map();
  /** @type {Map<string, {database: Database, over: Promise<void>}>} by file */ #pausedWrites = new Map();
  #next = 1;

  /**
   * @param {(message: any, transfer: Transferable[]) => void} post
   * @param {(options: any) => Promise<Engine>} [start] makes the engine from what `init` says
   */
  constructor(post, start = (options) => Engine.create(options)) {
    this.post = post;
    this.start = start;
  }

  /** Take a request. @param {any} message */
  async receive(message) {
    const { id, op } = message;
    if (op === 'cancel') return this.#cancel(message.target);
    if (op === 'finalize') return this.#finalize(message.statement);
    /** @type {Job} */
    const job = { cancelled: false, paused: performance.now() };
    this.#jobs.set(id, job);
    try {
      const open = this.#openOf(message);
      const value = await (open
        ? this.#inTurn(open, () => this.#serve(message, job, open))
        : this.#serve(message, job, open));
      this.post({ id, value }, transferables(value));
    } catch (error) {
      this.post({ id, error: packError(error) }, []);
    } finally {
      this.#jobs.delete(id);
    }
  }

  /** The database a request is about. @param {any} message */
  #openOf(message) {
    if (message.cursor !== undefined) return this.#cursors.get(message.cursor)?.open;
    if (message.database === undefined) return undefined;
    const open = this.#databases.get(message.database);
    if (!open) throw misuse('the database is closed');
    return open;
  }

  /** V1. @template T @param {Open} open @param {() => Promise<T> | T} act @returns {Promise<T>} */
  #inTurn(open, act) {
    const turn = open.queue.then(() => this.#withoutPausedWrite(open)).then(act);
    open.queue = turn.catch(() => undefined);
    return turn;
  }

  /** V1. @param {{database: Database}} open */
  async #withoutPausedWrite({ database }) {
    for (;;) {
      const paused = this.#pausedWrites.get(database.where.file);
      if (!paused || paused.database === database) return;
      await paused.over;
    }
  }

  /** @param {any} message @param {Job} job @param {Open | undefined} open @returns {Promise<any>} */
  async #serve(message, job, open) {
    if (job.cancelled) throw interrupted();
    const handler = /** @type {any} */ (this)[`_${message.op}`];
    if (!handler) throw new TypeError(`unknown request: ${message.op}`);
    return handler.call(this, message, job, open);
  }

  /** @param {number} target */
  #cancel(target) {
    const job = this.#jobs.get(target);
    if (job) job.cancelled = true;
  }

  /** @param {number} number */
  #finalize(number) {
    const found = this.#statements.get(number);
    if (!found) return;
    this.#statements.delete(number);
    this.#inTurn(found.open, () => found.statement.finalize());
  }

  async #started() {
    if (!this.#engine) throw new Error('the worker was not initialized');
    return this.#engine;
  }

  // --- requests: engine and databases ---------------------------------------------------------------------

  /** @param {any} message */
  async _init(message) {
    const { id, op, ...options } = message;
    this.#engine ??= this.start(options);
    (await this.#engine).setYields(true);
    return {};
  }

  async _ready() {
    await (await this.#started()).ready;
    return {};
  }

  /** @param {any} message */
  async _open({ name, options }) {
    const database = await (await this.#started()).open(name, options);
    const number = this.#next++;
    this.#databases.set(number, { database, queue: Promise.resolve() });
    return { database: number };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _close({ database }, _, open) {
    this.#databases.delete(database);
    for (const [number, found] of this.#statements) if (found.open === open) this.#statements.delete(number);
    for (const [number, found] of this.#cursors) if (found.open === open) this.#cursors.delete(number);
    await open.database.close();
    return {};
  }

  /** @param {any} _ @param {Job} _job @param {Open} open */
  async _status(_, _job, { database }) {
    return { inTransaction: database.inTransaction, totalChanges: database.totalChanges };
  }

  /** @param {any} _ @param {Job} _job @param {Open} open */
  async _export(_, _job, { database }) {
    return { buffer: database.export().buffer };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _import({ blob }, _, { database }) {
    await database.import(blob);
    return {};
  }

  async _list() {
    const { files, stores } = await this.#started();
    return { names: await files.list(stores.path('')) };
  }

  /** @param {any} message */
  async _remove({ name }) {
    const { files, stores } = await this.#started();
    await files.remove(stores.path(name));
    return {};
  }

  // --- requests: statements -----------------------------------------------------------------------------------

  /** The statement of a request, compiled when it is new. @param {any} message @param {Open} open */
  #statement({ statement: number, sql, integers }, open) {
    let found = this.#statements.get(number);
    if (!found) {
      found = { statement: open.database.prepare(sql), open };
      this.#statements.set(number, found);
    }
    void integers;
    return found.statement;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _run(message, job, open) {
    const statement = this.#statement(message, open);
    await this.#drive(statement, statement.start(message.args, 0), job, (status) => status !== DONE);
    const outcome = statement.outcome();
    statement.reset();
    return outcome;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _get(message, job, open) {
    const statement = this.#statement(message, open);
    await this.#drive(statement, statement.start(message.args, 1), job, (status) => status === YIELD, 1);
    const rows = pack(statement);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _all(message, job, open) {
    const statement = this.#statement(message, open);
    const more = (/** @type {number} */ status) => {
      if (status === ROWS) {
        const rows = pack(statement);
        this.post({ id: message.id, rows }, transferables(rows));
      }
      return status !== DONE;
    };
    await this.#drive(statement, statement.start(message.args, 0), job, more);
    const rows = pack(statement);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _iterate(message, job, open) {
    const statement = this.#statement(message, open);
    const status = statement.start(message.args, FIRST_BATCH);
    const cursor = this.#next++;
    this.#cursors.set(cursor, { statement, open, done: false });
    return this.#batch(cursor, status, job);
  }

  /** @param {any} message @param {Job} job */
  async _next({ cursor }, job) {
    const found = this.#cursors.get(cursor);
    if (!found?.statement.busy) throw misuse('the rows are no longer there: the database was closed or replaced');
    let status;
    try {
      status = found.statement.step(0);
    } catch (error) {
      this.#cursors.delete(cursor);
      found.statement.reset();
      throw error;
    }
    return this.#batch(cursor, status, job);
  }

  /** @param {number} cursor @param {number} first @param {Job} job */
  async #batch(cursor, first, job) {
    const { statement } = /** @type {Cursor} */ (this.#cursors.get(cursor));
    try {
      const status = await this.#drive(statement, first, job, (now) => now === YIELD);
      const rows = pack(statement);
      if (status !== DONE) return { ...rows, cursor };
      this.#cursors.delete(cursor);
      statement.reset();
      return rows;
    } catch (error) {
      this.#cursors.delete(cursor);
      throw error;
    }
  }

  /** @param {any} message */
  async _return({ cursor }) {
    const found = this.#cursors.get(cursor);
    this.#cursors.delete(cursor);
    found?.statement.reset();
    return {};
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _describe(message, _, open) {
    const statement = this.#statement(message, open);
    const { reader, readonly, prepared } = statement;
    return { columns: statement.columns(), reader, readonly, parameters: prepared.loaded.program.param_names };
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _exec({ sql }, job, { database }) {
    for (const statement of database.each(sql)) {
      await this.#withoutPausedWrite({ database });
      await this.#drive(statement, statement.start([], 0), job, (status) => status !== DONE);
      statement.reset();
    }
    return {};
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _script({ sql, limit = 1000 }, job, { database }) {
    /** @type {import('./protocol.js').Result[]} */
    const results = [];
    let compiling = performance.now();
    try {
      for (const statement of database.each(sql)) {
        const compileMilliseconds = performance.now() - compiling;
        await this.#withoutPausedWrite({ database });
        results.push({ ...(await this.#result(statement, limit, job)), compileMilliseconds });
        compiling = performance.now();
      }
    } catch (error) {
      return { results, error: packError(error) };
    }
    return { results };
  }

  /** @param {Statement} statement @param {number} limit @param {Job} job */
  async #result(statement, limit, job) {
    const { prepared } = statement;
    const { program } = prepared.loaded;
    const started = performance.now();
    /** @type {any[]} */
    const rows = [];
    let rowCount = 0;
    const more = (/** @type {number} */ status) => {
      if (status !== YIELD) {
        rowCount += statement.rowCount;
        if (rows.length < limit) rows.push(...statement.take().slice(0, limit - rows.length));
      }
      return status !== DONE;
    };
    await this.#drive(statement.raw(), statement.start([], 0), job, more);
    const milliseconds = performance.now() - started;
    const outcome = statement.outcome();
    statement.reset();
    return {
      start: prepared.start, end: prepared.end, kind: program.kind, columns: program.columns.map(({ name }) => name),
      rows, rowCount, truncated: rowCount > rows.length, milliseconds, ...outcome,
    }; // biome-ignore format: the fields as protocol.js lists them
  }

  // --- running in slices -----------------------------------------------------------------------------------------

  /**
   * Step while `more(status)`; pause when a slice is over (V1). A failure or cancellation resets the statement (V3).
   * @param {Statement} statement
   * @param {number} first status of the first step
   * @param {Job} job
   * @param {(status: number) => boolean} more
   * @param {number} [limit]
   */
  async #drive(statement, first, job, more, limit = 0) {
    /** @type {(() => void) | null} */
    let resumed = null;
    try {
      let status = first;
      while (more(status)) {
        if (performance.now() - job.paused > SLICE_MS) {
          if (!statement.readonly) resumed ??= this.#pauseWrite(statement);
          await macrotask();
          job.paused = performance.now();
        }
        if (job.cancelled) throw interrupted();
        status = statement.step(limit);
      }
      return status;
    } catch (error) {
      statement.reset();
      throw error;
    } finally {
      resumed?.();
    }
  }

  /** A write is going to pause (V1). @param {Statement} statement @returns {() => void} to be called when it is over */
  #pauseWrite({ database }) {
    const { file } = database.where;
    let resolve = () => {};
    const over = new Promise((/** @type {(nothing: void) => void} */ done) => {
      resolve = done;
    });
    this.#pausedWrites.set(file, { database, over });
    return () => {
      this.#pausedWrites.delete(file);
      resolve();
    };
  }
}

function interrupted() {
  return new SqlError('interrupted', SQLITE_INTERRUPT);
}

/** The rows in a statement's buffer. @param {Statement} statement @returns {import('./protocol.js').Rows} */
function pack(statement) {
  const names = statement.prepared.loaded.program.columns.map(({ name }) => name);
  return { packed: statement.rowCount ? statement.copy() : null, names };
}

/** @param {any} value @returns {Transferable[]} */
function transferables(value) {
  const buffer = value?.packed?.buffer ?? value?.buffer;
  return buffer ? [buffer] : [];
}

const channel = new MessageChannel();
/** @type {(() => void)[]} */
const waiting = [];
channel.port1.onmessage = () => waiting.shift()?.();

/** Until messages that have arrived were delivered. @returns {Promise<void>} */
function macrotask() {
  return new Promise((resolve) => {
    waiting.push(resolve);
    channel.port2.postMessage(0);
  });
}
