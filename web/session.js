/**
 * One connected page, or port: its databases, statements, cursors and jobs, under numbers of its own. Requests in, answers out.
 *
 * Invariants:
 *   N1  Requests of one database are served one after the other; a long one pauses every few milliseconds so that `cancel`, other
 *       databases and other sessions are heard.
 *   N2  Every request but `cancel`, `finalize` and `leave` gets exactly one answer. One that is cancelled before its turn, or while it
 *       waits for the world outside, gets it at once.
 *   N3  A cancelled statement is reset, which undoes what it wrote.
 *   N4  What a write answers is durable.
 */

import { misuse, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { Changes } from './changes.js';
import { drive, exactOutcome, pack, resultOf } from './drive.js';
import { fetchBytes } from './fetching.js';
import { interrupted, Job } from './job.js';
import { packError, transferables } from './protocol.js';
import { Relay } from './relay.js';
import { DONE, ROWS, YIELD } from './statement.js';
import { codeFrom } from './usersource.js';

const FIRST_BATCH = 256;
/** Writes that were sent before `close` have this long to come to an end; reads have none. */
const GRACE_MS = 500;

/**
 * @typedef {import('./database.js').HostDatabase} HostDatabase
 * @typedef {import('./statement.js').HostStatement} HostStatement
 * @typedef {{postMessage: (message: any, options: {transfer: Transferable[]}) => void}} Port
 * @typedef {object} Open an open database
 * @property {HostDatabase} database
 * @property {Promise<unknown>} queue
 * @property {boolean} closing
 * @property {boolean} listens whether `changed` is sent
 * @property {Changes} changes
 * @typedef {{statement: HostStatement, open: Open}} Prepared
 */

export class Session {
  /** @type {Map<number, Open>} */ #databases = new Map();
  /** @type {Map<number, Prepared>} */ #statements = new Map();
  /** @type {Map<number, Prepared>} */ #cursors = new Map();
  /** @type {Map<number, Job>} */ #jobs = new Map();
  /** Databases whose files some worker of the origin owns. @type {Map<number, Relay>} */ #relays = new Map();
  #next = 1;
  #over = () => {};

  /**
   * @param {import('./server.js').Server} server
   * @param {Port} port
   * @param {{worker?: string, over?: () => void}} [whose] worker: the lock of another worker, absent for this one; over: called at the end
   */
  constructor(server, port, { worker = '', over = () => {} } = {}) {
    this.server = server;
    this.port = port;
    this.worker = worker;
    this.#over = over;
  }

  /** Take a request. @param {any} message */
  async receive(message) {
    const relay = this.#relays.get(message.database);
    if (relay) return relay.forward(message);
    const notice = NOTICES[/** @type {keyof typeof NOTICES} */ (message.op)];
    if (notice) return notice(this, message);
    let job = new Job(message, undefined);
    try {
      const open = this.#openOf(message);
      job = new Job(message, open);
      this.#jobs.set(message.id, job);
      if (message.op === 'close' && open) this.#hasten(open);
      const value = await (open ? this.#inTurn(open, job) : this.#serve(job));
      this.#answer(job, { value }, transferables(value));
    } catch (error) {
      this.#answer(job, { error: packError(error) }, []);
    } finally {
      this.#jobs.delete(message.id);
    }
  }

  /** N2. @param {Job} job @param {Record<string, any>} outcome @param {Transferable[]} transfer */
  #answer(job, outcome, transfer) {
    if (job.answered) return;
    job.answered = true;
    const inTransaction = job.open?.database.inTransaction || undefined;
    this.#post({ id: job.message.id, ...outcome, inTransaction }, transfer);
  }

  /** @param {any} message @param {Transferable[]} transfer */
  #post(message, transfer) {
    this.port.postMessage(message, { transfer });
  }

  /** The database a request is about. @param {any} message */
  #openOf(message) {
    if (message.cursor !== undefined) return this.#cursors.get(message.cursor)?.open;
    if (message.database === undefined) return undefined;
    const open = this.#databases.get(message.database);
    if (!open) throw misuse('the database is closed');
    return open;
  }

  /** N1, N4. @param {Open} open @param {Job} job */
  #inTurn(open, job) {
    const { files } = open.database;
    const turn = open.queue.then(async () => {
      if (job.answered) return undefined;
      await this.server.withoutPausedWrite(open.database, job);
      try {
        return await this.#serve(job);
      } finally {
        const touched = new Set([...files, ...open.database.files]);
        this.server.ended([...touched]);
        for (const file of touched) await open.database.engine.files.settled(file);
        this.#publish(open);
      }
    });
    open.queue = turn.catch(() => undefined);
    return turn;
  }

  /** @param {Job} job @returns {Promise<any>} */
  async #serve(job) {
    job.check();
    job.started = true;
    const { op } = job.message;
    const handler = OPERATIONS.has(op) ? /** @type {any} */ (this)[`_${op}`] : undefined;
    if (!handler) throw new TypeError(`unknown request: ${op}`);
    return handler.call(this, job.message, job, job.open);
  }

  /** Whether it has a file open. @param {string} file */
  has(file) {
    return [...this.#databases.values()].some(({ database }) => database.files.includes(file));
  }

  /** Tell those who listen what a request has committed. @param {Open} open */
  #publish(open) {
    for (const [file, tables] of open.changes.committed()) {
      for (const session of this.server.sessions) session.announce(file, tables, open);
    }
  }

  /** @param {string} file @param {string[]} tables @param {Open} by who has committed */
  announce(file, tables, by) {
    for (const [database, open] of this.#databases) {
      if (!open.listens || open.database.where.file !== file) continue;
      this.#post({ changed: { tables, own: open === by }, database }, []);
    }
  }

  /** @param {number} target */
  cancel(target) {
    const job = this.#jobs.get(target);
    if (!job) return [...this.#relays.values()].some((relay) => relay.cancel(target));
    job.cancel();
    if (!job.started || !job.open) this.#answer(job, { error: packError(interrupted()) }, []);
  }

  /** Bring what runs on a database to an end: `close` was sent. @param {Open} open */
  #hasten(open) {
    open.closing = true;
    setTimeout(() => {
      for (const job of this.#jobs.values()) if (job.open === open && job.message.op !== 'close') job.cancel();
    }, GRACE_MS);
  }

  /** @param {number} number */
  finalize(number) {
    const found = this.#statements.get(number);
    if (!found) return;
    this.#statements.delete(number);
    const { open, statement } = found;
    open.queue = open.queue.then(() => statement.finalize()).catch(() => undefined);
  }

  /** A reader was dropped. @param {number} cursor */
  leave(cursor) {
    const found = this.#cursors.get(cursor);
    if (!found) return;
    const { open } = found;
    open.queue = open.queue
      .then(() => this._return({ cursor }))
      .then(() => this.server.ended(open.database.files))
      .catch(() => undefined);
  }

  /** The other end is gone: everything of it ends. */
  async end() {
    this.server.sessions.delete(this);
    this.#over();
    for (const relay of [...this.#relays.values()]) relay.end();
    for (const job of this.#jobs.values()) job.cancel();
    const databases = [...this.#databases.values()];
    this.#databases.clear();
    this.#statements.clear();
    this.#cursors.clear();
    await Promise.allSettled(databases.map(({ queue, database }) => queue.then(() => database.close())));
  }

  // --- requests: engine and databases ---------------------------------------------------------------------

  /** @param {any} message */
  async _hello({ lock }) {
    await this.server.stayAlive(lock);
    return {};
  }

  /** The fetch begins before the engine is there. @param {any} message */
  async _programs({ programs }) {
    const file = typeof programs === 'string' ? fetchBytes(programs) : Promise.resolve(programs);
    file.catch(() => undefined); // awaited below
    try {
      const engine = await this.server.engine();
      await engine.addPrograms(file, typeof programs === 'string' ? programs : undefined);
    } catch (error) {
      return { refused: error instanceof Error ? error.message : String(error) };
    }
    return { refused: null };
  }

  /** @param {any} message */
  async _init({ id, op, ...options }) {
    const { isFirstVisit } = await this.server.start(options);
    return { isFirstVisit };
  }

  async _ready() {
    await (await this.server.engine()).ready;
    return {};
  }

  /** @param {any} message @param {Job} job */
  async _open({ name, options, direct }, job) {
    const engine = await this.server.engine();
    const path = direct || !this.server.claims ? null : engine.pathOfOrigin(name, options);
    if (path) return this.#relayed({ path, name, options }, job);
    const database = await engine.openNow(name, options);
    if (job.cancelled) {
      await database.close();
      throw interrupted();
    }
    const number = this.#next++;
    this.#databases.set(number, {
      database,
      queue: Promise.resolve(),
      closing: false,
      changes: new Changes(database),
      listens: false,
    });
    return { database: number, storage: engine.stores.kindOf(database.where.file) };
  }

  /** @param {{path: string, name: string, options: any}} where @param {Job} job */
  async #relayed(where, job) {
    const number = this.#next++;
    const relay = new Relay(
      this.server,
      { ...where, number },
      {
        post: (message, transfer) => this.#post(message, transfer),
        closed: () => this.#relays.delete(number),
      },
    );
    this.#relays.set(number, relay);
    try {
      await relay.connect();
      job.check();
    } catch (error) {
      await relay.end();
      throw error;
    }
    return { database: number, storage: relay.storage };
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
    const { inTransaction, totalChanges, engine, where } = database;
    const tabs = this.server.tabsOf(where.file);
    return {
      inTransaction,
      totalChanges,
      storage: engine.stores.kindOf(where.file),
      owner: 'this',
      tabs,
      ...engine.figures,
    };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _listen({ on }, _, open) {
    open.listens = on;
    return {};
  }

  /** @param {any} _ @param {Job} job @param {Open} open */
  async _export(_, job, { database }) {
    return { buffer: (await job.possible(() => database.export())).buffer };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _import({ blob }, _, { database, changes }) {
    await database.import(blob);
    changes.reset();
    return {};
  }

  /** A relay moves what can be moved (relay.js). */
  async _move() {
    throw new SqlError('only databases in OPFS and IndexedDB can be moved', SQLITE_ERROR);
  }

  /** @param {any} message */
  async _list({ storage }) {
    const { files, stores } = await this.server.engine();
    return { names: await files.list(stores.path('', storage)) };
  }

  /** @param {any} message */
  async _remove({ name, storage }) {
    const { files, stores } = await this.server.engine();
    await files.remove(stores.path(name, storage));
    return {};
  }

  // --- requests: statements -----------------------------------------------------------------------------------

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
  async _run(message, job, open) {
    const statement = await this.#statement(message, job, open);
    await drive(this.server, statement, message.args, job, (status) => status !== DONE);
    const outcome = exactOutcome(statement);
    statement.reset();
    return outcome;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _get(message, job, open) {
    const statement = await this.#statement(message, job, open);
    await drive(this.server, statement, message.args, job, (status) => status === YIELD, 1);
    const rows = pack(statement);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _all(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const more = (/** @type {number} */ status) => {
      if (status === ROWS) {
        const rows = pack(statement);
        this.#post({ id: message.id, rows }, transferables(rows));
      }
      return status !== DONE;
    };
    await drive(this.server, statement, message.args, job, more);
    const rows = pack(statement);
    statement.reset();
    return rows;
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _iterate(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const status = await drive(this.server, statement, message.args, job, (now) => now === YIELD, FIRST_BATCH, 0);
    if (status === DONE) return this.#last(statement);
    const cursor = this.#next++;
    this.#cursors.set(cursor, { statement, open });
    return { ...pack(statement), cursor };
  }

  /** @param {any} message @param {Job} job */
  async _next({ cursor }, job) {
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

  /** @param {HostStatement} statement */
  #last(statement) {
    const rows = pack(statement);
    statement.reset();
    return rows;
  }

  /** @param {any} message */
  async _return({ cursor }) {
    const found = this.#cursors.get(cursor);
    this.#cursors.delete(cursor);
    found?.statement.reset();
    return {};
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _describe(message, job, open) {
    const statement = await this.#statement(message, job, open);
    const { reader, readonly, prepared } = statement;
    return { columns: statement.columns(), reader, readonly, parameters: prepared.loaded.program.param_names };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _define({ kind, name, options = {}, code, parts, start }, _, { database }) {
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

  /** @param {any} message @param {Job} job @param {Open} open */
  async _exec({ sql }, job, { database }) {
    for await (const statement of database.eachWhenPossible(sql, (act) => job.possible(act))) {
      await this.server.withoutPausedWrite(database, job);
      await drive(this.server, statement, [], job, (status) => status !== DONE);
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
      for await (const statement of database.eachWhenPossible(sql, (act) => job.possible(act))) {
        const compileMilliseconds = performance.now() - compiling;
        await this.server.withoutPausedWrite(database, job);
        results.push({ ...(await resultOf(this.server, statement, limit, job)), compileMilliseconds });
        compiling = performance.now();
      }
    } catch (error) {
      return { results, error: packError(error) };
    }
    return { results };
  }
}

const OPERATIONS = new Set(
  'hello init ready programs open close run get all iterate next return describe define exec script status listen export import move list remove'.split(
    ' ',
  ),
);

/** What has no answer. @type {Record<string, (session: Session, message: any) => unknown>} */
const NOTICES = {
  cancel: (session, { target }) => session.cancel(target),
  finalize: (session, { statement }) => session.finalize(statement),
  leave: (session, { cursor }) => session.leave(cursor),
  connect: (session, { port, lock }) => session.server.connect(port, lock),
  end: (session) => session.end(),
  freeze: (session) => session.server.letGo(),
  ping: (session) => session.port.postMessage({ pong: true }, { transfer: [] }),
};
