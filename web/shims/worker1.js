/**
 * The Worker1 API of sqlite-wasm (https://sqlite.org/wasm/doc/trunk/api-worker1.md): databases of oo1 by messages. As a module worker it
 * begins by itself; `sqlite3Worker1Promiser` (promiser.js) is the page's side.
 */

import sqlite3InitModule from './oo1.js';

const OPFS = 'opfs';
/** Of our own worker: promiser.js tells it where our files are. */
const NAME = 'turso-wasm worker1';

/** @typedef {{type: string, args?: any, dbId?: string, messageId?: unknown, departureTime?: number}} Message */

class Worker1 {
  /** @type {Map<string, any>} */ #databases = new Map();
  #next = 1;

  /** @param {any} sqlite3 @param {(message: any, transfer?: Transferable[]) => void} post */
  constructor(sqlite3, post) {
    this.sqlite3 = sqlite3;
    this.post = post;
  }

  /** Answer a message. @param {Message} message */
  async take(message) {
    const workerReceivedTime = performance.now();
    const { type, messageId, departureTime } = message;
    let answer;
    try {
      answer = { type, result: await this.#answer(message) };
    } catch (error) {
      const { name: errorClass, message: text, stack } = /** @type {Error} */ (error);
      answer = { type: 'error', result: { operation: type, message: text, errorClass, input: message, stack } };
    }
    const dbId = answer.result?.dbId ?? message.dbId ?? this.#databases.keys().next().value;
    this.post({ ...answer, dbId, messageId, workerReceivedTime, workerRespondTime: performance.now(), departureTime });
  }

  /** @param {Message} message @returns {any} */
  #answer({ type, args = {}, dbId }) {
    if (type === 'open') return this.#open(args);
    if (type === 'close') return this.#close(args, dbId);
    if (type === 'exec') return this.#exec(typeof args === 'string' ? { sql: args } : args, dbId);
    if (type === 'export') return this.#export(dbId);
    if (type === 'config-get') {
      const { version } = this.sqlite3;
      return { version, bigIntEnabled: true, vfsList: this.sqlite3.opfs ? [OPFS, 'memory'] : ['memory'] };
    }
    throw new Error(`Unknown db worker message type: ${type}`);
  }

  /** @param {string | undefined} dbId absent: the first that was opened */
  #database(dbId) {
    const found = dbId === undefined ? this.#databases.values().next().value : this.#databases.get(dbId);
    if (!found) throw new Error(dbId === undefined ? 'DB is not opened.' : `Unknown (or closed) dbId: ${dbId}`);
    return found;
  }

  /** @param {{filename?: string, vfs?: string}} args */
  async #open({ filename = ':memory:', vfs: asked }) {
    const [, path, query] = /^file:([^?]*)(\?.*)?$/.exec(filename) ?? ['', filename, ''];
    const vfs = asked ?? new URLSearchParams(query).get('vfs') ?? undefined;
    const { oo1, opfs } = this.sqlite3;
    if (vfs !== undefined && (vfs !== OPFS || !opfs)) throw new Error(`no such vfs: ${vfs}`);
    if (vfs === OPFS) await opfs.acquire(path);
    const db = vfs === OPFS ? new oo1.OpfsDb(path, 'c') : new oo1.DB(path || ':memory:', 'c');
    const dbId = `db#${this.#next++}:${path || ':memory:'}`;
    this.#databases.set(dbId, db);
    return { filename, dbId, persistent: vfs === OPFS, vfs: vfs ?? 'memory' };
  }

  /** @param {{unlink?: boolean}} args @param {string | undefined} dbId */
  async #close({ unlink = false }, dbId) {
    if (dbId === undefined && !this.#databases.size) return { filename: undefined };
    const db = this.#database(dbId);
    const { filename } = db;
    for (const [id, one] of this.#databases) if (one === db) this.#databases.delete(id);
    db.close();
    if (unlink && db instanceof (this.sqlite3.oo1.OpfsDb ?? Function)) await this.sqlite3.opfs.unlink(filename);
    return { filename };
  }

  /** @param {any} args @param {string | undefined} dbId */
  #exec(args, dbId) {
    const db = this.#database(dbId);
    const before = db.changes(true);
    const { callback } = args;
    const options = { ...args };
    if (callback !== undefined && typeof callback !== 'string')
      throw new Error('callback must be the type of the messages that tell of rows');
    if (args.rowMode === 'stmt') throw new Error('Invalid rowMode for worker1 exec(): stmt');
    if (callback) {
      let rowNumber = 1;
      options.columnNames = args.columnNames ?? [];
      options.callback = (/** @type {any} */ row) => {
        this.post({ type: callback, columnNames: options.columnNames, rowNumber: rowNumber++, row });
      };
    }
    const given = db.exec(options);
    if (callback) this.post({ type: callback, columnNames: options.columnNames, rowNumber: null, row: undefined });
    if (args.returnValue === 'resultRows') options.resultRows = given;
    if (args.returnValue === 'saveSql') options.saveSql = given;
    if (args.countChanges) options.changeCount = db.changes(true) - before;
    delete options.callback;
    return callback ? { ...options, callback } : options;
  }

  /** @param {string | undefined} dbId */
  #export(dbId) {
    const db = this.#database(dbId);
    const byteArray = this.sqlite3.capi.sqlite3_js_db_export(db);
    return { byteArray, filename: db.filename, mimetype: 'application/x-sqlite3' };
  }
}

/** Serve the API on a port. @param {any} sqlite3 @param {{postMessage: (message: any) => void, onmessage: any}} port */
export function initWorker1API(sqlite3, port) {
  const worker = new Worker1(sqlite3, (message) => port.postMessage(message));
  /** @type {Promise<void>} */ let last = Promise.resolve();
  port.onmessage = (/** @type {MessageEvent<Message>} */ { data }) => {
    last = last.then(() => worker.take(data)); // one after the other, as a worker that does not wait would
  };
  port.postMessage({ type: 'sqlite3-api', result: 'worker1-ready' });
}

const scope = /** @type {any} */ (globalThis);
if (scope.name === NAME) {
  scope.onmessage = async (/** @type {MessageEvent} */ { data }) => {
    initWorker1API(await sqlite3InitModule({ ...data, opfs: [] }), scope);
  };
}
