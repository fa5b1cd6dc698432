/**
 * Which files of the origin this worker owns, by Web Lock; and the sessions of other workers on them.
 *
 * Whoever has the lock of a file opens it, and listens on the file's BroadcastChannel to those who have not (links.js): each gets a session
 * of its own (session.js), over a channel that only the two know. docs/decisions/0040.
 *
 * Invariants:
 *   K1  A file is owned by one worker of the origin at a time; its stores are acquired only while it is owned (vfs/table.js).
 *   K2  An owner holds a second lock, of a name used once, that its guests wait for: when they get it, it is no owner any more.
 */

/** Tabs with another version of these messages do not hear each other. */
const VERSION = 1;

/**
 * @typedef {object} Claim
 * @property {number} times how often it is held
 * @property {BroadcastChannel} channel where it is asked for
 * @property {string} lock K2
 * @property {Map<string, import('./session.js').Session>} guests by channel
 * @property {() => Promise<void>} release what ends it
 * @typedef {{session: string, worker: string}} Asked the channel of a session that a worker wants, and the lock it holds while it lives
 */

export class Claims {
  /** @type {Map<string, Claim>} by path */ #held = new Map();
  /** @type {Map<string, Promise<boolean>>} what this worker waits for */ #claiming = new Map();
  /** @type {Map<string, Promise<void>>} what it has given up, until the lock is free */ #leaving = new Map();

  /** Whether there is anything to elect an owner with: secure pages have it. */
  static get possible() {
    return Boolean(globalThis.navigator?.locks) && typeof BroadcastChannel !== 'undefined';
  }

  /** @param {import('./server.js').Server} server */
  constructor(server) {
    this.server = server;
  }

  /**
   * Own a file, once more if this worker does already; `drop` it as often.
   * @param {string} path
   * @param {{ifAvailable?: boolean, signal?: AbortSignal}} options give up at once, or when the signal aborts
   * @returns {Promise<boolean>} whether it is owned
   */
  async hold(path, options) {
    for (;;) {
      const held = this.#held.get(path);
      if (held) {
        held.times++;
        return true;
      }
      const claiming = this.#claiming.get(path);
      if ((claiming && options.ifAvailable) || options.signal?.aborted) return false;
      const before = this.#leaving.get(path) ?? claiming;
      if (!before) break;
      await Promise.race([before, abortion(options.signal)]);
    }
    const claiming = this.#claim(path, options);
    this.#claiming.set(path, claiming);
    return claiming.finally(() => this.#claiming.delete(path));
  }

  /** @param {string} path @param {{ifAvailable?: boolean, signal?: AbortSignal}} options */
  async #claim(path, options) {
    const letGo = await lockedAs(`turso-wasm owner ${path}`, options);
    if (!letGo) return false;
    const lock = nameOf('ownership');
    const free = await lockedAs(lock, {});
    const channel = channelOf(path);
    /** @type {Claim} */
    const claim = {
      times: 1,
      channel,
      lock,
      guests: new Map(),
      release: async () => {
        await free?.();
        await letGo();
      },
    };
    channel.onmessage = ({ data }) => data.session && this.#admit(claim, data);
    channel.postMessage({ elected: true });
    this.#held.set(path, claim);
    return true;
  }

  /** Serve another worker. @param {Claim} claim @param {Asked} asked */
  #admit(claim, { session: name, worker }) {
    if (claim.guests.has(name)) return;
    const channel = new BroadcastChannel(name);
    const over = () => {
      channel.close();
      claim.guests.delete(name);
    };
    claim.guests.set(name, this.server.connect(channel, worker, over));
    channel.postMessage({ owner: claim.lock });
  }

  /** Give a file up, when it is held no more. @param {string} path */
  drop(path) {
    const claim = this.#held.get(path);
    if (!claim || --claim.times > 0) return;
    this.#held.delete(path);
    claim.channel.close();
    for (const session of claim.guests.values()) session.end();
    const leaving = claim.release();
    this.#leaving.set(path, leaving);
    leaving.finally(() => this.#leaving.delete(path));
  }

  /** The sessions of other workers. @returns {import('./session.js').Session[]} */
  get guests() {
    return [...this.#held.values()].flatMap(({ guests }) => [...guests.values()]);
  }
}

/** The channel where the owner of a file hears. @param {string} path */
export function channelOf(path) {
  return new BroadcastChannel(`turso-wasm ${VERSION} ${path}`);
}

/** A name that nobody else uses. @param {string} what */
export function nameOf(what) {
  return `turso-wasm ${what} ${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
}

/**
 * Hold a Web Lock; what lets it go, and resolves when it is free. null: it could not be had.
 * @param {string} name @param {LockOptions} options @returns {Promise<(() => Promise<void>) | null>}
 */
export function lockedAs(name, options) {
  return new Promise((resolve, reject) => {
    /** @type {Promise<void>} */
    const over = navigator.locks.request(name, options, (lock) => {
      if (!lock) return resolve(null);
      return new Promise((letGo) => {
        resolve(() => {
          letGo(undefined);
          return over;
        });
      });
    });
    over.catch((error) => (options.signal?.aborted ? resolve(null) : reject(error)));
  });
}

/** @param {AbortSignal | undefined} signal @returns {Promise<void>} */
function abortion(signal) {
  return new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
}
