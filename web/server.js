/**
 * The worker's side of the protocol: one engine, and a session for everybody who is connected.
 *
 * Invariants:
 *   V1  While a statement that writes pauses, the other connections on its file wait: they would only find it locked.
 *   V2  Who waits for a lock is told whenever a request on the file is over.
 */

import { Engine } from './engine.js';
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

  /** @param {(options: any) => Promise<Engine>} [create] makes the engine from what `init` says */
  constructor(create = (options) => Engine.create(options)) {
    this.create = create;
  }

  /** Serve somebody. @param {Endpoint} endpoint @param {string} [lock] a Web Lock; who gets it knows that the session is over */
  connect(endpoint, lock) {
    const session = new Session(this, endpoint);
    endpoint.onmessage = (/** @type {MessageEvent} */ event) => session.receive(event.data);
    if (lock) navigator.locks?.request(lock, () => session.end());
  }

  /** Start the engine, once. @param {any} options */
  async start(options) {
    this.#engine ??= this.create(options);
    const engine = await this.#engine;
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
    const { locks } = navigator;
    if (!locks) return;
    await new Promise((resolve) => {
      locks.request(lock, () => {
        resolve(undefined);
        return new Promise(() => undefined);
      });
    });
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
