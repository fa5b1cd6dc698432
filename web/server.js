/**
 * The worker's side of the protocol: one engine, and a session for everybody who is connected.
 *
 * Invariants:
 *   V1  While a statement that writes pauses, the other connections on its file wait: they would only find it locked.
 *   V2  Who waits for a lock is told whenever a request on the file is over, and when a session ends.
 */

import { Claims, lockedAs, nameOf } from './claims.js';
import { Engine } from './engine.js';
import { macrotask } from './job.js';
import { Session } from './session.js';

/**
 * @typedef {import('./database.js').HostDatabase} HostDatabase
 * @typedef {{postMessage: (message: any, options: {transfer: Transferable[]}) => void, onmessage: any}} Endpoint a worker's own scope,
 *   or a MessagePort
 */

export class Server {
  /** @type {Promise<Engine> | null} */ #engine = null;
  /** @type {Map<string, {database: HostDatabase, over: Promise<void>}>} by file */ #pausedWrites = new Map();
  /** @type {Map<string, Set<() => void>>} by file: who waits for a lock */ #waiting = new Map();
  /** @type {Promise<void> | null} */ #givingUp = null;
  /** A Web Lock that is held as long as the worker lives. @type {Promise<string> | null} */ #life = null;
  /** Which files it owns; null: this context has no way to share them. */ claims = Claims.possible
    ? new Claims(this)
    : null;
  /** @type {Set<Session>} */ sessions = new Set();
  /** @type {Set<import('./relay.js').Relay>} */ relays = new Set();

  /** @param {(options: any) => Promise<Engine>} [create] makes the engine from what `init` says */
  constructor(create = (options) => Engine.create(options)) {
    this.create = create;
  }

  /**
   * Serve somebody.
   * @param {Endpoint} endpoint
   * @param {string} [lock] a Web Lock; who gets it knows that the session is over
   * @param {() => void} [over] called when it is
   */
  connect(endpoint, lock, over = () => {}) {
    const ended = new AbortController();
    const isOver = () => {
      ended.abort();
      over();
    };
    const session = this.session(endpoint, { worker: lock, over: isOver });
    endpoint.onmessage = (/** @type {MessageEvent} */ event) => session.receive(event.data);
    if (lock) {
      const options = { mode: /** @type {const} */ ('shared'), signal: ended.signal };
      navigator.locks?.request(lock, options, () => session.end()).catch(() => undefined);
    }
    return session;
  }

  /** A session that somebody passes messages to. @param {import('./session.js').Port} port @param {{worker?: string, over?: () => void}} [whose] */
  session(port, whose) {
    const session = new Session(this, port, whose);
    this.sessions.add(session);
    return session;
  }

  /** Start the engine, once. @param {any} options */
  async start(options) {
    this.#engine ??= this.create(options);
    const engine = await this.#engine;
    engine.files.claims = this.claims;
    engine.setYields(true);
    return engine;
  }

  /** The engine, when it has started. */
  async engine() {
    if (!this.#engine) throw new Error('the worker was not initialized');
    return this.#engine;
  }

  /** Hold a Web Lock, where there are any, as long as the worker lives. @param {string} lock */
  async stayAlive(lock) {
    if (navigator.locks) await lockedAs(lock, {});
    this.#life = Promise.resolve(lock);
  }

  /** The Web Lock that it holds as long as it lives. */
  life() {
    const lock = nameOf('worker');
    this.#life ??= lockedAs(lock, {}).then(() => lock);
    return this.#life;
  }

  /** Give up all files that are shared with other workers, for now: the page is being frozen. */
  async letGo() {
    const closed = [...this.relays].map((relay) => relay.letGo());
    for (const session of this.claims?.guests ?? []) closed.push(session.end());
    await Promise.all(closed);
  }

  /** A store has failed to write what it should, and who asked was told: let all files go, to be found as they were before. */
  giveUp() {
    this.#givingUp ??= macrotask()
      .then(() => this.letGo())
      .finally(() => {
        this.#givingUp = null;
      });
  }

  /** How many workers have a file open. @param {string} file */
  tabsOf(file) {
    return new Set([...this.sessions].filter((session) => session.has(file)).map(({ worker }) => worker)).size;
  }

  // --- connections of one file -------------------------------------------------------------------------------

  /** V1. @param {HostDatabase} database @param {import('./job.js').Job} job */
  async withoutPausedWrite(database, job) {
    for (;;) {
      const paused = database.files
        .map((file) => this.#pausedWrites.get(file))
        .find((write) => write && write.database !== database);
      if (!paused) return;
      await job.wait(paused.over);
    }
  }

  /** A write is going to pause (V1). @param {HostDatabase} database @returns {() => void} to be called when it is over */
  pauseWrite(database) {
    const { files } = database;
    let resolve = () => {};
    const over = new Promise((/** @type {(nothing: void) => void} */ done) => {
      resolve = done;
    });
    for (const file of files) this.#pausedWrites.set(file, { database, over });
    return () => {
      for (const file of files) this.#pausedWrites.delete(file);
      resolve();
    };
  }

  /** Until a request on one of these files is over, but not longer than that (V2). @param {string[]} files @param {number} milliseconds @returns {Promise<void>} */
  released(files, milliseconds) {
    return new Promise((resolve) => {
      const sets = files.map((file) => {
        const waiting = this.#waiting.get(file) ?? new Set();
        this.#waiting.set(file, waiting);
        return waiting;
      });
      const timer = setTimeout(done, milliseconds);
      function done() {
        clearTimeout(timer);
        for (const waiting of sets) waiting.delete(done);
        resolve();
      }
      for (const waiting of sets) waiting.add(done);
    });
  }

  /** A request on these files is over (V2). @param {string[]} files */
  ended(files) {
    for (const file of files) {
      const waiting = [...(this.#waiting.get(file) ?? [])];
      this.#waiting.delete(file);
      for (const done of waiting) done();
    }
  }
}
