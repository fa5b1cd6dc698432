/**
 * A session's requests about statements: those it has prepared, and the readers among them, under numbers. What a handler returns is the
 * answer (protocol.js); session.js says in which order they are called, and N3 what becomes of one that is cancelled.
 */

import { misuse } from '../base/errors.js';
import { drive, exactOutcome, pack, resultOf } from './drive.js';
import { packError, transferables } from './protocol.js';
import { explained } from './space.js';
import { DONE, ROWS, YIELD } from './statement.js';
import { codeFrom } from './usersource.js';

const FIRST_BATCH = 256;

/**
 * @typedef {import('./statement.js').HostStatement} HostStatement
 * @typedef {import('./session.js').Open} Open
 * @typedef {import('./database.js').HostDatabase} HostDatabase
 * @typedef {import('./job.js').Job} Job
 * @typedef {{statement: HostStatement, open: Open}} Prepared
 */

export class Requests {
  /** By the number that the page gave it. @type {Map<number, Prepared>} */ #statements = new Map();
  /** @type {Map<number, Prepared>} */ #cursors = new Map();

  /**
   * @param {import('./server.js').Server} server
   * @param {(message: any, transfer: Transferable[]) => void} post what comes before the answer
   * @param {() => number} nextNumber numbers of the session's
   */
  constructor(server, post, nextNumber) {
    this.server = server;
    this.post = post;
    this.nextNumber = nextNumber;
  }

  /** The database a cursor reads. @param {number} cursor */
  openOf(cursor) {
    return this.#cursors.get(cursor)?.open;
  }

  /** A database is closed; undefined: all of them are. @param {Open} [open] */
  forget(open) {
    for (const known of [this.#statements, this.#cursors]) {
      for (const [number, found] of known) if (!open || found.open === open) known.delete(number);
    }
  }

  /** @param {number} number */
  finalize(number) {
    const found = this.#statements.get(number);
    if (!found) return;
    this.#statements.delete(number);
    const { open, statement } = found;
    this.#letGo(open, () => statement.finalize());
  }

  /** A reader was dropped. @param {number} cursor */
  leave(cursor) {
    const found = this.#cursors.get(cursor);
    if (!found) return;
    this.#letGo(found.open, () => this.return({ cursor }));
  }

  /** In its turn, let something go whose locks others may wait for. @param {Open} open @param {() => unknown} go */
  #letGo(open, go) {
    open.queue = open.queue
      .then(go)
      .then(() => this.server.ended(open.database.files))
      .catch(() => undefined);
  }

  /** The statement of a request, compiled when it is new. @param {any} message @param {Job} job @param {Open} open */
  async #statement({ statement: number, sql }, job, open) {
    let found = this.#statements.get(number);
    if (!found) {
      found = { statement: await job.possible(() => open.database.prepare(sql)), open };
      this.#statements.set(number, found);
    }
    return found.statement;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async run(message, job, open) {
    const statement = await this.#statement(message, job, open);
    await drive(this.server, statement, message.args, job, (status) => status !== DONE);
    const outcome = exactOutcome(statement);
    statement.reset();
    return outcome;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async get(message, job, open) {
    const statement = await this.#statement(message, job, open);
    await drive(this.server, statement, message.args, job, (status) => status === YIELD, 1);
    const rows = pack(statement, message.tables);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async all(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const more = (/** @type {number} */ status) => {
      if (status === ROWS) {
        const rows = pack(statement, message.tables);
        this.post({ id: message.id, rows }, transferables(rows));
      }
      return status !== DONE;
    };
    await drive(this.server, statement, message.args, job, more);
    const rows = pack(statement, message.tables);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async iterate(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const status = await drive(this.server, statement, message.args, job, (now) => now === YIELD, FIRST_BATCH, 0);
    if (status === DONE) return this.#last(statement, message.tables);
    const cursor = this.nextNumber();
    this.#cursors.set(cursor, { statement, open });
    return { ...pack(statement, message.tables), cursor };
  }

  /** @param {any} message @param {Job} job */
  async next({ cursor }, job) {
    const found = this.#cursors.get(cursor);
    if (!found?.statement.busy) throw misuse('the rows are no longer there: the database was closed or replaced');
    const { statement } = found;
    try {
      const status = await drive(this.server, statement, null, job, (now) => now === YIELD);
      if (status !== DONE) return { ...pack(statement), cursor };
    } catch (error) {
      this.#cursors.delete(cursor);
      throw error;
    }
    this.#cursors.delete(cursor);
    return this.#last(statement);
  }

  /** @param {HostStatement} statement @param {boolean} [tables] */
  #last(statement, tables) {
    const rows = pack(statement, tables);
    statement.reset();
    return rows;
  }

  /** @param {any} message */
  async return({ cursor }) {
    const found = this.#cursors.get(cursor);
    this.#cursors.delete(cursor);
    found?.statement.reset();
    return {};
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async describe(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const { reader, readonly, parameters } = statement;
    const { reads } = statement.prepared.loaded.program;
    return { columns: statement.columns(), reader, readonly, parameters, reads: reads.map(([, name]) => name) };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async define({ kind, name, options = {}, code, parts, start, ...rest }, _, { database }) {
    if (kind === 'hook') {
      database.hook(
        name,
        rest.tells ? this.#teller(rest.database, name) : code && (await codeFrom(code, name)),
        options,
      );
      return {};
    }
    if (code === null) {
      database.remove(kind, name);
      return {};
    }
    if (code && 'python' in code) {
      await database.pythonFunction(name, options, code.python);
      return {};
    }
    const made = code && (await codeFrom(code, name));
    if (kind === 'function') database.function(name, options, made);
    else if (kind === 'collation') database.collation(name, made);
    else if (kind === 'tokenizer') database.tokenizer(name, made);
    else if (kind === 'table')
      database.table(name, typeof made === 'function' ? { ...options, rows: made } : { ...made, ...options });
    else {
      const given = { start, ...made };
      for (const part in parts) given[part] = await codeFrom(parts[part], name);
      database.aggregate(name, { ...given, ...options });
    }
    return {};
  }

  /** A hook that tells the page, of many events at once. @param {number} database @param {string} kind */
  #teller(database, kind) {
    /** @type {any[][]} */ let hooked = [];
    const flush = () => {
      this.post({ hooked, database }, []);
      hooked = [];
    };
    return (/** @type {any[]} */ ...facts) => {
      if (hooked.push([kind, ...facts]) === 1) queueMicrotask(flush); // when the statement pauses, or before its answer
    };
  }

  /** @param {{sql: string}} message @param {Job} job @param {{database: HostDatabase}} open */
  async exec({ sql }, job, { database }) {
    for await (const statement of database.eachWhenPossible(sql, (act) => job.possible(act))) {
      await this.server.withoutPausedWrite(database, job);
      await drive(this.server, statement, [], job, (status) => status !== DONE);
      statement.reset();
    }
    return {};
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async batch({ items, begin, integers }, job, { database }) {
    const nested = database.inTransaction;
    /** @type {any[]} */
    const results = [];
    await this.exec({ sql: nested ? 'SAVEPOINT _batch' : begin }, job, { database });
    try {
      for (const { sql, args } of items) results.push(await this.#resultOf(database, sql, args, integers, job));
      await this.exec({ sql: nested ? 'RELEASE _batch' : 'COMMIT' }, job, { database });
    } catch (error) {
      if (database.inTransaction) database.exec(nested ? 'ROLLBACK TO _batch; RELEASE _batch' : 'ROLLBACK');
      throw error;
    }
    return { results };
  }

  /** @param {HostDatabase} database @param {string} sql @param {unknown[]} args @param {import('./rows.js').Integers} integers @param {Job} job */
  async #resultOf(database, sql, args, integers, job) {
    const statement = await job.possible(() => database.prepare(sql));
    try {
      statement.decodeAs(integers);
      /** @type {any[]} */
      const rows = [];
      await drive(this.server, statement, args, job, (status) => {
        if (status !== YIELD) statement.take(rows);
        return status !== DONE;
      });
      return { rows, ...statement.outcome() };
    } finally {
      statement.finalize();
    }
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async script({ sql, limit = 1000 }, job, { database }) {
    /** @type {import('./protocol.js').Result[]} */
    const results = [];
    let compiling = performance.now();
    try {
      for await (const statement of database.eachWhenPossible(sql, (act) => job.possible(act))) {
        const compileMilliseconds = performance.now() - compiling;
        await this.server.withoutPausedWrite(database, job);
        results.push({ ...(await resultOf(this.server, statement, limit, job)), compileMilliseconds });
        compiling = performance.now();
      }
    } catch (error) {
      return { results, error: packError(await explained(error, database.engine.files)) };
    }
    return { results };
  }
}
