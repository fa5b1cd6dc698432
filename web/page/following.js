/**
 * An asynchronous iterator that goes on with commits: what live queries and streams of changes have in common.
 *
 * It works when it is asked for the next value and a commit may have changed something since it worked: many commits are one round, and
 * who is slow to ask gets one round for all that happened meanwhile.
 *
 * Invariants:
 *   L1  It listens before it works, so no commit is missed.
 *   L2  After its end it listens no more, and `next` says that it is done.
 */

/** @template V */
export class Following {
  /** Ends with it. */ over = new AbortController();
  /** Whether a commit may have changed something. */ stale = true;
  /** @type {Promise<unknown>} */ #turn = Promise.resolve();
  /** @type {() => unknown} */ #stop = () => undefined;
  #started = false;
  /** Goes on when there is something to do. */ #wake = () => {};

  /** @param {import('./database.js').Database} database @param {AbortSignal | null} [signal] ends it, with its reason */
  constructor(database, signal) {
    this.database = database;
    this.signal = signal;
  }

  /** The next value, null: none before the next commit. @returns {Promise<V | null>} */
  async step() {
    return null;
  }

  /** Whether a commit matters to it. @param {string[] | null} _tables of which rows may have changed, null: of any */
  isTouched(_tables) {
    return true;
  }

  /** It is over. */
  ended() {}

  /** What is asked of the database for it: given up with it. @param {string} sql */
  statement(sql) {
    const { signal: left } = this.over;
    return this.database.prepare(sql).signal(this.signal ? AbortSignal.any([left, this.signal]) : left);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<V, undefined>>} */
  next() {
    const step = this.#turn.then(() => this.#next());
    this.#turn = step.catch(() => undefined);
    return step;
  }

  /** @returns {Promise<IteratorResult<V, undefined>>} */
  async #next() {
    let why = null;
    try {
      while (this.#goesOn) {
        const value = this.stale ? await this.#work() : await this.#change();
        if (value) return { done: false, value };
      }
    } catch (error) {
      if (this.#goesOn) why = { error };
    }
    const { signal, database } = this;
    const { ended } = database.connection.client;
    const isLeft = this.over.signal.aborted;
    if (!isLeft && signal?.aborted) why = { error: signal.reason };
    else if (!isLeft && ended) why = { error: ended };
    this.#end();
    if (why) throw why.error;
    return { done: true, value: undefined };
  }

  /** Whether nothing has ended it: its reader, the signal, who closed the database, the worker. */
  get #goesOn() {
    return !this.over.signal.aborted && !this.signal?.aborted && this.database.open;
  }

  /** Leave: what runs is given up. @returns {Promise<IteratorResult<V, undefined>>} */
  async return() {
    this.#end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.return();
  }

  async #work() {
    if (!this.#started) await this.#start();
    return this.step();
  }

  /** L1. */
  async #start() {
    this.#started = true;
    const { connection } = this.database;
    const wake = () => this.#wake();
    this.signal?.addEventListener('abort', wake);
    connection.ends.add(wake);
    const stopped = connection.listen(({ tables }) => {
      if (!this.isTouched(tables)) return;
      this.stale = true;
      this.#wake();
    });
    this.#stop = () => {
      this.signal?.removeEventListener('abort', wake);
      connection.ends.delete(wake);
      return stopped.then((stop) => stop());
    };
    await stopped;
  }

  /** Until there is something to do. @returns {Promise<null>} */
  async #change() {
    await new Promise((/** @type {(nothing: void) => void} */ resolve) => {
      this.#wake = resolve;
    });
    return null;
  }

  /** L2. */
  #end() {
    this.over.abort();
    this.ended();
    Promise.resolve(this.#stop()).catch(() => undefined); // a database that is closed tells nobody anything
    this.#stop = () => undefined;
    this.#wake();
  }
}
