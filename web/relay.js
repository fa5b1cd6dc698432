/**
 * A database of a session, wherever it is served: by this worker when it owns the file, else by the one that does (docs/decisions/0040).
 *
 * Invariants:
 *   Y1  Every request is answered, within five seconds of the owner's end: done, SQLITE_BUSY, or what was lost.
 *   Y2  A request whose answer was lost is repeated if it only reads, and never if it may have written.
 *   Y3  After a transaction was lost, everything fails until it is ended: what follows in it must not be written alone.
 *   Y4  A session at another owner begins with what the one before was told for good: functions, settings, attached databases.
 */

import {
  SQLITE_ABORT,
  SQLITE_ABORT_ROLLBACK,
  SQLITE_BUSY,
  SQLITE_ERROR,
  SQLITE_IOERR,
  SqlError,
} from '../base/errors.js';
import { isLocked } from '../vfs/base.js';
import { endOf, lastingEffects, onlyReads, staysInside } from './effects.js';
import { PAGES, withoutWal } from './image.js';
import { interrupted } from './job.js';
import { LocalLink, RemoteLink } from './links.js';
import { packError, transferables, unpackError } from './protocol.js';
import { decodeRows, viewsOf } from './rows.js';

/** How long an owner is looked for. */
const PATIENCE_MS = 4500;
/** A frozen page's worker gives files up; what goes on nevertheless asks for them again after this time. */
const PAUSE_MS = 1000;
/** Cursors of one link, and the next one's. */
const CURSORS = 2 ** 32;
const GONE = Symbol('the link is gone');
const RUNS = new Set(['run', 'get', 'all', 'iterate', 'exec', 'batch', 'script']);
const WRITES = new Set(['import', 'snapshot', 'restore', 'dropSnapshot']);
/** What no transaction may be open for. */
const WHOLE = new Set(['export', 'import', 'snapshot', 'restore']);

/**
 * @typedef {import('./links.js').Link} Link
 * @typedef {{resolve: (value: any) => void, reject: (error: unknown) => void}} Asked
 */

export class Relay {
  /** Served, or about to be. @type {Link | null} */ #link = null;
  #ready = false;
  /** @type {Promise<void> | null} */ #connecting = null;
  /** The database at the other end. */ #database = 0;
  /** How many links there were. */ #generation = 0;
  /** Requests without an answer, in order. @type {Map<number, any>} */ #pending = new Map();
  /** The relay's own requests. @type {Map<number, Asked>} */ #asked = new Map();
  #next = -1;
  /** Y4. @type {Map<string, any>} */ #lasting = new Map();
  #inTransaction = false;
  /** Y3. */ #lost = false;
  /** What is asked waits. */ #moving = false;
  /** Whether it holds what was moved here. */ #filled = false;
  #over = false;

  /**
   * @param {import('./server.js').Server} server
   * @param {{path: string, name: string, options: any, number: number}} where number: of the database, in the session
   * @param {object} session what it belongs to
   * @param {(message: any, transfer: Transferable[]) => void} session.post answers
   * @param {() => void} session.closed the database is closed
   */
  constructor(server, where, { post, closed }) {
    this.server = server;
    this.where = where;
    this.answer = post;
    this.closed = closed;
    server.relays.add(this);
  }

  get storage() {
    return this.where.options.fork ? 'memory' : this.where.path.slice(0, this.where.path.indexOf(':'));
  }

  // --- requests ----------------------------------------------------------------------------------------

  /** Take a request, or what has no answer. @param {any} message */
  forward(message) {
    if (message.op === 'move') return this.#move(message);
    if (message.id !== undefined) this.#pending.set(message.id, message);
    message.asked = performance.now();
    if (this.#lost && message.id !== undefined && this.#isLost(message)) return;
    if (this.#ready) this.#send(message);
    else if (message.op === 'close' && !this.#connecting) this.#close(message.id);
    else if (message.id !== undefined && !this.#moving) this.connect().catch(() => undefined); // it sends what is pending
  }

  /** @param {any} message */
  #send(message) {
    if (message.cursor >= 0) {
      if (Math.floor(message.cursor / CURSORS) !== this.#generation) return this.#endOfRows(message);
      message = { ...message, cursor: message.cursor % CURSORS };
    }
    message.database = this.#database;
    message.waited = performance.now() - message.asked;
    /** @type {Link} */ (this.#link).post(message);
  }

  /** A cursor of a link that is gone. @param {any} message */
  #endOfRows({ id, op }) {
    if (op === 'next')
      this.#fail(id, new SqlError('the rows are no longer there: their database has moved', SQLITE_ABORT));
    else if (op === 'return') this.#settle(id, { value: {} });
  }

  /** @param {number} id @returns {boolean} whether it was here */
  cancel(id) {
    if (!this.#pending.has(id)) return false;
    if (this.#ready) this.#link?.post({ op: 'cancel', target: id });
    else this.#fail(id, interrupted());
    return true;
  }

  /** @param {number} id @param {Record<string, any>} outcome */
  #settle(id, outcome) {
    this.#pending.delete(id);
    this.answer({ id, ...outcome }, []);
  }

  /** @param {number} id @param {unknown} error */
  #fail(id, error) {
    this.#settle(id, { error: packError(error) });
  }

  // --- answers -----------------------------------------------------------------------------------------

  /** @param {Link} link @param {any} message */
  heard(link, message) {
    if (link !== this.#link) return;
    if (message.id === undefined) return this.answer({ ...message, database: this.where.number }, []);
    const own = this.#asked.get(message.id);
    if (own) {
      this.#asked.delete(message.id);
      return message.error ? own.reject(unpackError(message.error)) : own.resolve(message.value);
    }
    const request = this.#pending.get(message.id);
    if (!request) return;
    if (!message.rows) this.#conclude(request, message);
    this.answer(message, transferables(message.rows ?? message.value));
    if (request.op === 'close' && message.value) this.end();
  }

  /** @param {any} request @param {any} message its answer */
  #conclude(request, message) {
    this.#pending.delete(message.id);
    this.#inTransaction = message.inTransaction === true;
    if (message.error) return;
    const { value } = message;
    if (value.cursor !== undefined) value.cursor += this.#generation * CURSORS;
    if (request.op === 'status') this.#describe(value);
    else if (request.op === 'rekey') this.where.options = { ...this.where.options, key: request.key ?? undefined };
    else if (request.op === 'listen') this.#keep('listen', request);
    else if (request.op === 'define')
      this.#keep(JSON.stringify([request.kind, request.name, request.options]), request);
    else if (request.sql && request.op !== 'describe') {
      for (const { name, sql } of lastingEffects(request.sql)) {
        const { args } = request;
        const again = args?.length ? { op: 'run', statement: this.#next--, sql, args } : { op: 'exec', sql };
        this.#keep(name || `${this.#next--}`, again);
      }
    }
  }

  /** @param {string} name @param {any} request */
  #keep(name, request) {
    this.#lasting.delete(name);
    this.#lasting.set(name, request);
  }

  /** @param {any} status */
  #describe(status) {
    status.inTransaction ||= this.#lost;
    status.storage = this.storage;
    status.owner = this.#link?.isLocal ? 'this' : 'other';
  }

  // --- links -------------------------------------------------------------------------------------------

  /** Be served. @returns {Promise<void>} @throws {SqlError} SQLITE_BUSY when no owner answers, and what opening fails with */
  connect() {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect() {
    const deadline = performance.now() + PATIENCE_MS;
    try {
      if (this.where.options.fork && this.#generation) throw lostFork();
      for (;;) {
        const isHeld = await this.#find(deadline - performance.now());
        try {
          await this.#begin();
          break;
        } catch (error) {
          if (error !== GONE) throw error;
        } finally {
          if (isHeld) this.server.claims?.drop(this.where.path);
        }
      }
    } catch (error) {
      this.#unlink();
      for (const { id, op } of [...this.#pending.values()]) op === 'close' ? this.#close(id) : this.#fail(id, error);
      throw error;
    }
    if (this.#generation > 1 && this.#lasting.get('listen')?.on) {
      this.answer({ changed: { tables: null, own: false }, database: this.where.number }, []);
    }
    this.#resume();
  }

  #resume() {
    this.#ready = true;
    for (const message of [...this.#pending.values()]) this.#send(message);
  }

  /**
   * A link to a session: here if the file can be owned, else to its owner, whoever comes first.
   * @param {number} patience milliseconds @returns {Promise<boolean>} whether the file is held here
   */
  async #find(patience) {
    const claims = /** @type {import('./claims.js').Claims} */ (this.server.claims);
    const { path, name } = this.where;
    let isHeld = await claims.hold(path, { ifAvailable: true });
    /** @type {Link | null} */ let link = null;
    if (!isHeld) {
      const remote = new RemoteLink(path, await this.server.life(), this);
      const over = new AbortController();
      const timer = setTimeout(() => over.abort(), patience);
      const holding = claims.hold(path, { signal: over.signal });
      isHeld = await Promise.race([holding, remote.welcome.then(() => false)]);
      clearTimeout(timer);
      const timedOut = over.signal.aborted;
      over.abort();
      if (!isHeld) holding.then((held) => held && claims.drop(path));
      if (isHeld || timedOut || this.#over) remote.close();
      else link = remote;
      if (!isHeld && !link) throw isLocked(name);
    }
    if (this.#over) {
      if (isHeld) claims.drop(path);
      throw interrupted();
    }
    this.#link = link ?? new LocalLink(this.server, this);
    this.#generation++;
    return isHeld;
  }

  /** Open the database over a new link, and tell it what was told before (Y4). */
  async #begin() {
    const { name, options } = this.where;
    this.#database = (await this.#ask({ op: 'open', name, options, direct: true })).database;
    for (const request of this.#lasting.values()) await this.#ask({ ...request, database: this.#database });
  }

  /** @param {any} request @returns {Promise<any>} @throws {symbol} GONE */
  #ask(request) {
    const id = this.#next--;
    return new Promise((resolve, reject) => {
      if (!this.#link) return reject(GONE);
      this.#asked.set(id, { resolve, reject });
      this.#link.post({ ...request, id });
    });
  }

  /** @returns {Promise<void>} when the link is closed */
  async #unlink() {
    const link = this.#link;
    this.#link = null;
    this.#ready = false;
    for (const { reject } of this.#asked.values()) reject(GONE);
    this.#asked.clear();
    await link?.close();
  }

  // --- moving ------------------------------------------------------------------------------------------

  /** Put the database into another storage. @param {any} message */
  async #move({ id, storage }) {
    const { stores } = await this.server.engine();
    const { path, name, options } = this.where;
    const to = { ...this.where, path: stores.path(name, storage), options: { ...options, storage } };
    try {
      if (options.fork || options.snapshot) throw new SqlError('forks and snapshots cannot be moved', SQLITE_ERROR);
      if (to.path !== path) await this.#moveTo(to);
      this.#settle(id, { value: { storage } });
    } catch (error) {
      this.#fail(id, error === GONE ? isLocked(name) : error);
    }
    this.#moving = false;
    if (this.#ready || this.#over) return;
    if (this.#link) this.#resume();
    else await this.connect().catch(() => undefined);
  }

  /** What is asked meanwhile waits; nothing is lost if it fails. @param {Relay['where']} to */
  async #moveTo(to) {
    if (!this.#ready) await this.connect();
    if (this.#inTransaction) throw new SqlError('cannot move within a transaction', SQLITE_ERROR);
    const { snapshots } = await this.#ask({ op: 'snapshots', database: this.#database });
    if (snapshots.length) throw new SqlError('cannot move a database that has snapshots: drop them', SQLITE_ERROR);
    this.#moving = true;
    this.#ready = false;
    const before = this.where;
    let isAlone = false;
    const { files } = await this.server.engine();
    const target = new Relay(this.server, to, { post: () => undefined, closed: () => undefined });
    try {
      const version = await this.#dataVersion();
      await target.connect();
      await target.#fill(this.#parts());
      await this.#ask({ op: 'exec', database: this.#database, sql: 'BEGIN IMMEDIATE' });
      isAlone = true; // nobody else writes from here on
      if ((await this.#dataVersion()) !== version) throw isLocked(to.name);
      await this.#unlink();
      await files.remove(before.path); // nobody else has it open
      this.where = to;
      await this.connect();
    } catch (error) {
      if (isAlone) await this.#ask({ op: 'exec', database: this.#database, sql: 'ROLLBACK' }).catch(() => undefined);
      if (this.where === before && target.#filled) await target.end().then(() => files.remove(to.path));
      throw error;
    } finally {
      await target.end();
    }
  }

  /** Changes when another connection has committed. */
  async #dataVersion() {
    const { results } = await this.#ask({ op: 'script', database: this.#database, sql: 'PRAGMA data_version' });
    return results[0].rows[0][0];
  }

  /** Its pages as they are now, batch by batch. @returns {AsyncGenerator<Uint8Array[]>} */
  async *#parts() {
    const { encrypted } = await this.#ask({ op: 'status', database: this.#database });
    if (encrypted) {
      // pages are shown as they are without a key
      const { buffer } = await this.#ask({ op: 'export', database: this.#database });
      if (buffer.byteLength) yield [new Uint8Array(buffer)];
      return;
    }
    const asked = { database: this.#database, statement: this.#next--, sql: PAGES, args: [] };
    let { packed, cursor } = await this.#ask({ ...asked, op: 'iterate' });
    try {
      for (;;) {
        if (packed) yield decodeRows(viewsOf(packed.buffer), packed, 'number', { kind: 'pluck' });
        if (cursor === undefined) return;
        ({ packed, cursor } = await this.#ask({ op: 'next', database: this.#database, cursor }));
      }
    } finally {
      if (cursor !== undefined)
        await this.#ask({ op: 'return', database: this.#database, cursor }).catch(() => undefined);
    }
  }

  /** All of it, as a file. @returns {Promise<Uint8Array>} */
  async copy() {
    if (!this.#ready) await this.connect();
    return new Uint8Array((await this.#ask({ op: 'export', database: this.#database })).buffer);
  }

  /** Take another database in, part by part. @param {AsyncIterable<Uint8Array[]>} parts */
  async #fill(parts) {
    for await (const found of this.#parts()) {
      if (!found.length) continue;
      throw new SqlError(`there is a database ${this.where.name} in ${this.storage} already`, SQLITE_ERROR);
    }
    this.#filled = true;
    const database = this.#database;
    let transfer;
    for await (const pages of parts) {
      if (transfer === undefined) withoutWal(pages[0]);
      const part = new Blob(/** @type {BlobPart[]} */ (pages));
      transfer = (await this.#ask({ op: 'fill', database, transfer, part })).transfer;
    }
    await this.#ask({ op: 'import', database, transfer });
  }

  // --- losing an owner ---------------------------------------------------------------------------------

  /** @param {Link} link @param {boolean} silent it may still be there, but does not answer */
  lost(link, silent) {
    if (link !== this.#link) return;
    const wasReady = this.#ready;
    this.#unlink();
    if (wasReady) this.#mourn(silent);
    if (!silent && wasReady) this.connect().catch(() => undefined);
  }

  /** The page is being frozen: others may need the file. What is pending goes on if the worker does. @returns {Promise<void>} */
  letGo() {
    if (!this.#ready) return Promise.resolve();
    const closed = this.#unlink();
    this.#mourn(false);
    setTimeout(() => this.#pending.size && !this.#ready && this.connect().catch(() => undefined), PAUSE_MS);
    return closed;
  }

  /** Decide what becomes of the requests that were sent. @param {boolean} silent */
  #mourn(silent) {
    if (this.#inTransaction) this.#lost = true;
    this.#inTransaction = false;
    for (const message of [...this.#pending.values()]) this.#decide(message, silent);
  }

  /** Y2. @param {any} message @param {boolean} silent */
  #decide(message, silent) {
    const { id, op } = message;
    if (op === 'close') return this.#close(id);
    if (op === 'next' || op === 'return') return this.#endOfRows(message);
    const reads = RUNS.has(op) ? onlyReads(message.sql) : !WRITES.has(op);
    if (this.#lost && RUNS.has(op) && (reads || staysInside(message.sql))) return this.#fail(id, lostTransaction());
    if (!reads) return this.#fail(id, unknownOutcome());
    if (silent)
      return this.#fail(
        id,
        new SqlError(`database is locked: the tab that has ${this.where.name} open does not answer`, SQLITE_BUSY),
      );
    if (op === 'all') this.answer({ id, rows: null }, []); // those that came are forgotten
  }

  /** Y3: answer a request that is part of the transaction that was lost. @param {any} message @returns {boolean} whether it was */
  #isLost({ id, op, sql }) {
    if (!RUNS.has(op) && !WHOLE.has(op)) return false;
    const end = sql === undefined ? null : endOf(sql);
    if (end) this.#lost = false;
    if (end === 'ROLLBACK') this.#settle(id, { value: EMPTY[/** @type {keyof typeof EMPTY} */ (op)] ?? NO_ROWS });
    else this.#fail(id, lostTransaction());
    return true;
  }

  /** Its session is gone, and its database closed by that. @param {number} id */
  #close(id) {
    this.#settle(id, { value: {} });
    this.end();
  }

  // --- the end -----------------------------------------------------------------------------------------

  /** The database is closed, or its page is gone. */
  async end() {
    if (this.#over) return;
    this.#over = true;
    this.server.relays.delete(this);
    this.closed();
    await this.#unlink();
  }
}

const NO_ROWS = { packed: null, names: [] };
const EMPTY = { exec: {}, run: { changes: 0, lastInsertRowid: 0 }, script: { results: [] }, batch: { results: [] } };

function lostTransaction() {
  return new SqlError('the transaction was lost: the tab that had the database open is gone', SQLITE_ABORT_ROLLBACK);
}

function lostFork() {
  return new SqlError('the fork was lost: the tab that had the database open is gone', SQLITE_ABORT);
}

function unknownOutcome() {
  const why = 'the tab that had the database open went away before it answered';
  return new SqlError(`${why}: what was written may or may not have been committed`, SQLITE_IOERR);
}
