/** Ways to a session that has a database open: in this worker, or in the one that owns the file. Relays (relay.js) use them alike. */

import { channelOf, nameOf } from './claims.js';

/** An owner that has not said anything for that long, though it was asked, does not answer. */
const SILENCE_MS = 4000;
const PING_MS = 500;

/**
 * @typedef {object} Listener
 * @property {(link: Link, message: any) => void} heard an answer
 * @property {(link: Link, silent: boolean) => void} lost the session is over; silent: it may still be there, but does not answer
 * @typedef {LocalLink | RemoteLink} Link
 */

export class LocalLink {
  isLocal = true;

  /** @param {import('./server.js').Server} server @param {Listener} listener */
  constructor(server, listener) {
    this.session = server.session({ postMessage: (message) => listener.heard(this, message) });
  }

  /** @param {any} message */
  post(message) {
    this.session.receive(message);
  }

  /** @returns {Promise<void>} when its databases are closed */
  close() {
    return this.session.end();
  }
}

export class RemoteLink {
  isLocal = false;
  #name = nameOf('session');
  #channel = new BroadcastChannel(this.#name);
  #file;
  #closed = new AbortController();
  #heardAt = 0;
  #waiting = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */ #timer;
  /** @type {() => void} */ #welcome = () => {};
  /** When the owner has answered. @type {Promise<void>} */ welcome = new Promise((resolve) => {
    this.#welcome = resolve;
  });

  /** Ask whoever owns the file, and who will. @param {string} path @param {string} worker the lock that this worker holds while it lives @param {Listener} listener */
  constructor(path, worker, listener) {
    this.listener = listener;
    this.#file = channelOf(path);
    const ask = () => this.#file.postMessage({ session: this.#name, worker });
    this.#file.onmessage = ({ data }) => data.elected && ask();
    this.#channel.onmessage = ({ data }) => this.#receive(data);
    ask();
  }

  /** @param {any} message */
  #receive(message) {
    this.#heardAt = performance.now();
    if (message.owner) return this.#greet(message.owner);
    if (message.pong) return;
    if (message.id !== undefined && !message.rows) this.#waiting--;
    this.listener.heard(this, message);
  }

  /** @param {string} lock that the owner holds as long as it is one */
  #greet(lock) {
    this.#file.close();
    this.#welcome();
    const { signal } = this.#closed;
    navigator.locks
      .request(lock, { mode: 'shared', signal }, () => this.listener.lost(this, false))
      .catch(() => undefined);
  }

  /** @param {any} message */
  post(message) {
    this.#channel.postMessage(message);
    if (message.id === undefined) return;
    if (!this.#waiting++) this.#heardAt = performance.now();
    this.#timer ??= setTimeout(() => this.#watch(), PING_MS);
  }

  /** Whether the owner is there, while answers are waited for. */
  #watch() {
    this.#timer = undefined;
    if (!this.#waiting || this.#closed.signal.aborted) return;
    const silence = performance.now() - this.#heardAt;
    if (silence > SILENCE_MS) return this.listener.lost(this, true);
    if (silence >= PING_MS) this.#channel.postMessage({ op: 'ping' });
    this.#timer = setTimeout(() => this.#watch(), PING_MS);
  }

  /** @returns {Promise<void>} */
  async close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearTimeout(this.#timer);
    this.#file.close();
    this.#channel.postMessage({ op: 'end' });
    this.#channel.close();
  }
}
