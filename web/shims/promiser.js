/** The page's side of the Worker1 API (https://sqlite.org/wasm/doc/trunk/api-worker1.md#promiser): messages as promises. */

/**
 * @typedef {object} Config
 * @property {(promiser: any) => void} [onready]
 * @property {Worker | (() => Worker)} [worker] one that serves the API; default: one of ours
 * @property {(...values: any[]) => void} [onerror] @property {(event: MessageEvent) => void} [onunhandled]
 * @property {(message: any) => string} [generateMessageId] @property {(...values: any[]) => void} [debug]
 * @property {string | URL} [assets] @property {string | URL} [pyodide] where our files are, as for `connect`
 */

/**
 * A function that sends a message and promises the answer: `promiser('exec', {sql, …})` or `promiser({type, args, dbId})`. Answers of
 * type "error" are rejections. `exec` takes a function as `callback`, which is told of each row.
 * @param {Config | ((promiser: any) => void)} [given]
 */
export function sqlite3Worker1Promiser(given = {}) {
  const config = typeof given === 'function' ? { onready: given } : given;
  const worker = typeof config.worker === 'function' ? config.worker() : (config.worker ?? ownWorker(config));
  /** @type {Map<string, {resolve: (answer: any) => void, reject: (answer: any) => void, rows?: string}>} */ const waiting =
    new Map();
  /** By type of message. @type {Map<string, (message: any) => void>} */ const rows = new Map();
  /** @type {string | undefined} */ let first;
  let n = 0;

  worker.addEventListener('message', (event) => {
    const { data } = event;
    config.debug?.('worker1 promiser got', data);
    if (data?.type === 'sqlite3-api' && data.result === 'worker1-ready') {
      config.onready?.(promiser);
      return;
    }
    const row = rows.get(data?.type);
    if (row) {
      row(data);
      return;
    }
    const asked = waiting.get(data?.messageId);
    if (!asked) {
      config.onunhandled?.(event);
      return;
    }
    waiting.delete(data.messageId);
    if (asked.rows) rows.delete(asked.rows);
    if (data.type === 'open') first ??= data.dbId;
    if (data.type === 'close' && data.dbId === first) first = undefined;
    if (data.type === 'error') asked.reject(data);
    else asked.resolve(data);
  });
  worker.addEventListener('error', (event) => (config.onerror ?? console.error)(event));

  /** @param {any[]} args type and arguments, or a message */
  function promiser(...args) {
    const message =
      args.length === 1 && typeof args[0] === 'object' ? { ...args[0] } : { type: args[0], args: args[1] };
    const { type } = message;
    const id = config.generateMessageId?.(message) ?? `${type}#${++n}`;
    if (type !== 'open') message.dbId ??= message.args?.dbId ?? first;
    const asked = { ...message, messageId: id, departureTime: performance.now() };
    /** @type {string | undefined} */ let told;
    if (type === 'exec' && typeof message.args?.callback === 'function') {
      told = `${id}:row`;
      rows.set(told, message.args.callback);
      asked.args = { ...message.args, callback: told };
    }
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject, rows: told });
      worker.postMessage(asked);
    });
  }
  return promiser;
}

/** The promiser itself, when the worker is ready. @param {Config | ((promiser: any) => void)} [given] */
sqlite3Worker1Promiser.v2 = (given = {}) => {
  const config = typeof given === 'function' ? { onready: given } : given;
  return new Promise((resolve, reject) => {
    const onready = (/** @type {any} */ promiser) => {
      config.onready?.(promiser);
      resolve(promiser);
    };
    const onerror = config.onerror ?? ((/** @type {any} */ event) => reject(new Error(event.message)));
    sqlite3Worker1Promiser({ ...config, onready, onerror });
  });
};

/** @param {Config} config */
function ownWorker({ assets, pyodide }) {
  const place = (/** @type {string | URL | undefined} */ one) =>
    one && new URL(String(one), globalThis.location?.href).href;
  const worker = new Worker(new URL('./worker1.js', import.meta.url), { type: 'module', name: 'turso-wasm worker1' });
  worker.postMessage({ assets: place(assets), pyodide: place(pyodide) });
  return worker;
}
