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

import { misuse, SQLITE_ABORT, SQLITE_BUSY, SQLITE_ERROR, SqlError } from '../base/errors.js';
import { listed } from '../vfs/history.js';
import { Changes } from './changes.js';
import { fetchBytes } from './fetching.js';
import { interrupted, Job } from './job.js';
import { packError, transferables } from './protocol.js';
import { Relay } from './relay.js';
import { Requests } from './requests.js';
import { explained } from './space.js';

/** Writes that were sent before `close` have this long to come to an end; reads have none. */
const GRACE_MS = 500;

/**
 * @typedef {import('./database.js').HostDatabase} HostDatabase
 * @typedef {import('./backup.js').Backup} Backup
 * @typedef {{postMessage: (message: any, options: {transfer: Transferable[]}) => void}} Port
 * @typedef {object} Open an open database
 * @property {HostDatabase} database
 * @property {Promise<unknown>} queue
 * @property {boolean} closing
 * @property {boolean} listens whether `changed` is sent
 * @property {Changes} changes
 * @property {Map<number, import('../vfs/staging.js').Staged | Backup>} staged files that are on their way in, and backups on their way out
 */

export class Session {
  /** @type {Map<number, Open>} */ #databases = new Map();
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
    this.requests = new Requests(
      server,
      (message, transfer) => this.#post(message, transfer),
      () => this.#next++,
    );
  }

  /** Take a request. @param {any} message */
  async receive(message) {
    const relay = this.#relays.get(message.database);
    if (relay && message.op !== 'fork') return relay.forward(message);
    const notice = NOTICES[/** @type {keyof typeof NOTICES} */ (message.op)];
    if (notice) return notice(this, message);
    let job = new Job(message, undefined);
    try {
      const open = this.#openOf(message);
      job = new Job(message, open);
      this.#jobs.set(message.id, job);
      if (message.op === 'close' && open) this.#hasten(open);
      const value = await (open ? this.#inTurn(open, job) : relay ? this.#forked(relay) : this.#serve(job));
      this.#answer(job, { value }, transferables(value));
    } catch (error) {
      const told = job.open ? await explained(error, job.open.database.engine.files) : error;
      this.#answer(job, { error: packError(told) }, []);
      if (job.unsettled) this.server.giveUp();
    } finally {
      this.#jobs.delete(message.id);
    }
  }

  /** N2. @param {Job} job @param {Record<string, any>} outcome @param {Transferable[]} transfer */
  #answer(job, outcome, transfer) {
    if (job.answered) return;
    job.answered = true;
    this.#post({ id: job.message.id, ...outcome, ...job.open?.database.state }, transfer);
  }

  /** @param {any} message @param {Transferable[]} transfer */
  #post(message, transfer) {
    this.port.postMessage(message, { transfer });
  }

  /** The database a request is about. @param {any} message */
  #openOf(message) {
    if (message.cursor !== undefined) return this.requests.openOf(message.cursor);
    if (message.database === undefined || this.#relays.has(message.database)) return undefined;
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
        await this.#settled(open, touched, job);
        this.#publish(open);
      }
    });
    open.queue = turn.catch(() => undefined);
    return turn;
  }

  /** N4. @param {Open} open @param {Set<string>} touched files @param {Job} job */
  async #settled({ database }, touched, job) {
    try {
      for (const file of touched) await database.engine.files.settled(file);
    } catch (error) {
      job.unsettled = true;
      throw error;
    }
  }

  /** @param {Job} job @returns {Promise<any>} */
  async #serve(job) {
    job.check();
    job.started = true;
    const { op } = job.message;
    if (OF_STATEMENTS.has(op)) return /** @type {any} */ (this.requests)[op](job.message, job, job.open);
    if (OPERATIONS.has(op)) return /** @type {any} */ (this)[`_${op}`](job.message, job, job.open);
    throw new TypeError(`unknown request: ${op}`);
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
      if (!open.listens || (open !== by && !open.database.files.includes(file))) continue;
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

  /** The other end is gone: everything of it ends. */
  async end() {
    this.server.sessions.delete(this);
    this.#over();
    for (const relay of [...this.#relays.values()]) relay.end();
    for (const job of this.#jobs.values()) job.cancel();
    const databases = [...this.#databases.values()];
    this.#databases.clear();
    this.requests.forget();
    await Promise.allSettled(databases.map((open) => open.queue.then(() => this.#abandon(open))));
  }

  /** Close a database, whose locks others may wait for. @param {Open} open */
  async #abandon({ database, staged }) {
    const { files } = database;
    for (const file of staged.values()) await file.discard();
    await database.close();
    this.server.ended(files);
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
    const database = await engine.openNow(name, { ...options, signal: job.signal });
    if (job.cancelled) {
      await database.close();
      throw interrupted();
    }
    return this.#opened(database);
  }

  /** @param {HostDatabase} database */
  #opened(database) {
    const number = this.#next++;
    this.#databases.set(number, {
      database,
      queue: Promise.resolve(),
      closing: false,
      changes: new Changes(database),
      listens: false,
      staged: new Map(),
    });
    const { engine, where, readonly } = database;
    return { database: number, storage: engine.stores.kindOf(where.file), readonly };
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
    return {
      database: number,
      storage: relay.storage,
      readonly: Boolean(where.options.readonly || where.options.snapshot),
    };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _close({ database }, _, open) {
    this.#databases.delete(database);
    this.requests.forget(open);
    await Promise.all([...open.staged.values()].map((staged) => staged.discard()));
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
      source: engine.stores.figures(where.file),
      encrypted: database.encrypted,
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

  /** @param {any} message @param {Job} job @param {Open} open */
  async _backup({ name, storage, attached, inSteps }, job, { database, staged }) {
    if (!inSteps) return job.wait(database.backup(name, { storage, attached }));
    const backup = await job.possible(() => database.beginBackup(name, { storage, attached }));
    const transfer = this.#next++;
    staged.set(transfer, backup);
    return { transfer, ...figuresOf(backup) };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _step({ transfer, pages }, _, open) {
    const backup = /** @type {Backup} */ (stagedIn(open, transfer));
    await backup.step(pages);
    return figuresOf(backup);
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _fill({ transfer, part }, _, open) {
    const number = transfer ?? this.#next++;
    const staged = transfer === undefined ? await open.database.stage() : fileIn(open, transfer);
    open.staged.set(number, staged);
    await staged.write(part);
    return { transfer: number };
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _import({ transfer, blob = new Blob([]) }, _, open) {
    await open.database.import(transfer === undefined ? blob : fileIn(open, transfer));
    open.staged.delete(transfer);
    open.changes.reset();
    return {};
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _drop({ transfer }, _, open) {
    const staged = open.staged.get(transfer);
    open.staged.delete(transfer);
    await staged?.discard();
    return {};
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _saved({ file }, _, { database }) {
    await database.saved(file);
    return {};
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _rekey({ key }, job, { database }) {
    await job.possible(() => database.rekey(key));
    return {};
  }

  // --- requests: snapshots --------------------------------------------------------------------------------

  /** @param {any} message @param {Job} job @param {Open} open */
  async _snapshot({ name }, job, { database }) {
    const history = await database.history();
    return listed(await this.#whenFree(database, job, () => database.take(history, name)));
  }

  /** @param {any} _ @param {Job} _job @param {Open} open */
  async _snapshots(_, _job, { database }) {
    return { snapshots: await database.snapshots() };
  }

  /** @param {any} message @param {Job} job @param {Open} open */
  async _restore({ name }, job, { database, changes }) {
    const [past, history] = [await database.openPast(name), await database.history()];
    try {
      await this.#whenFree(database, job, () => database.become(past, history));
    } finally {
      await past.close();
    }
    changes.reset();
    return {};
  }

  /** @param {any} message @param {Job} _ @param {Open} open */
  async _dropSnapshot({ name }, _, { database }) {
    await database.dropSnapshot(name);
    return {};
  }

  /** Of a database that only this session has: others are opened as forks. @param {any} _ @param {Job} job @param {Open} open */
  async _fork(_, job, { database }) {
    const { engine, where } = database;
    if (!engine.files.keepsHistory(where.file)) {
      const copy = await job.possible(() => database.copy());
      return this.#opened(await engine.openCopy(copy, where));
    }
    const history = await database.history();
    const snapshot = await this.#whenFree(database, job, () => database.take(history, null));
    return this.#opened(await engine.openFork(where, history, snapshot));
  }

  /** A fork of a fork that lives where the file is: a copy of it, here. @param {Relay} relay */
  async #forked(relay) {
    const engine = await this.server.engine();
    return this.#opened(await engine.openCopy(await relay.copy(), relay.where));
  }

  /** `act()`, when nobody has a lock that it needs; SQLITE_BUSY after the time that the connection waits. @template T @param {HostDatabase} database @param {Job} job @param {() => T} act @returns {Promise<T>} */
  async #whenFree(database, job, act) {
    const deadline = performance.now() + database.busyTimeout;
    for (;;) {
      try {
        return await job.possible(act);
      } catch (error) {
        const left = deadline - performance.now();
        if (!(error instanceof SqlError) || error.errcode !== SQLITE_BUSY || left <= 0) throw error;
        await job.wait(this.server.released(database.files, left));
      }
    }
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
}

/** @param {Open} open @param {number} transfer */
function stagedIn(open, transfer) {
  const staged = open.staged.get(transfer);
  if (staged) return staged;
  throw new SqlError('what was begun is no longer there: the database has moved', SQLITE_ABORT);
}

/** @param {Open} open @param {number} transfer */
function fileIn(open, transfer) {
  return /** @type {import('../vfs/staging.js').Staged} */ (stagedIn(open, transfer));
}

/** @param {Backup} backup */
function figuresOf({ bytes, totalPages, remainingPages, isDone }) {
  return { bytes, totalPages, remainingPages, isDone };
}

const OPERATIONS = new Set(
  (
    'hello init ready programs open close status listen export backup step fill import drop saved rekey move list remove ' +
    'snapshot snapshots restore dropSnapshot fork'
  ).split(' '),
);
/** Those that requests.js answers. */
const OF_STATEMENTS = new Set('run get all iterate next return describe define exec batch script'.split(' '));

/** What has no answer. @type {Record<string, (session: Session, message: any) => unknown>} */
const NOTICES = {
  cancel: (session, { target }) => session.cancel(target),
  finalize: (session, { statement }) => session.requests.finalize(statement),
  leave: (session, { cursor }) => session.requests.leave(cursor),
  connect: (session, { port, lock }) => session.server.connect(port, lock),
  end: (session) => session.end(),
  freeze: (session) => session.server.letGo(),
  ping: (session) => session.port.postMessage({ pong: true }, { transfer: [] }),
};
