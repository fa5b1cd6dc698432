/** The workers of a page: one for each place the assets are loaded from, and those the page brings itself. */

import { assetsFrom, newWorker, placeOf } from '../locations.js';
import { isWorker } from './check.js';
import { Client } from './client.js';

/** The application's Programs are not used: no fault of the worker. */
class Refusal extends Error {}

/** @typedef {{client: Client, started: Promise<{isFirstVisit: boolean}>}} Started */
/** @typedef {{assets?: string | URL, pyodide?: string | URL, worker?: Worker | (() => Worker)}} Where */

/** @type {Map<string, Started>} by place; one that ended is made anew */
const ours = new Map();
/** @type {WeakMap<Worker, Started>} the page's own: what ended stays so */
const theirs = new WeakMap();

/**
 * @typedef {object} Wanted
 * @property {(stage: string) => void} [onProgress]
 * @property {AbortSignal | null} [signal] gives up waiting, not the worker
 * @property {string | BufferSource} [programs] the application's
 * @property {boolean} [compiler] false: it is not wanted
 */

/**
 * The client of a worker whose engine is ready, started when it is first asked for. It does not wait for the compiler on later visits, nor
 * where the application brings its Programs. One that cannot start is ended and forgotten.
 * @param {Where} where
 * @param {Wanted} [wanted]
 * @returns {Promise<Client>}
 */
export async function workerFor(where, { onProgress, signal, programs, compiler } = {}) {
  signal?.throwIfAborted();
  const { client, started } = startedFor(where, programs === undefined && compiler !== false);
  const bundle = programs === undefined ? null : client.request({ op: 'programs', programs });
  bundle?.catch(() => undefined); // awaited below
  try {
    onProgress?.('kernel');
    const { isFirstVisit } = await unlessAborted(started, signal);
    const refused = bundle && (await unlessAborted(bundle, signal)).refused;
    if (refused && compiler === false) throw new Refusal(refused);
    if (refused) console.warn(`turso-wasm: ${refused}`);
    if (isFirstVisit && compiler !== false && (refused || !bundle)) {
      onProgress?.('compiler');
      await unlessAborted(client.request({ op: 'ready' }), signal);
    }
    onProgress?.('ready');
  } catch (error) {
    if (!signal?.aborted && !(error instanceof Refusal)) client.terminate(error);
    throw error;
  }
  return client;
}

/** @param {Where} where @param {boolean} eager whether the compiler is to be loaded at once @returns {Started} */
function startedFor({ worker, ...where }, eager) {
  const assets = assetsFrom(where);
  const { kernel, ...compiler } = assets;
  const place = placeOf(assets);
  const own = typeof worker === 'function' ? made(worker) : worker;
  const known = own ? theirs.get(own) : ours.get(place);
  if (known) return known;
  const client = new Client(own ?? newWorker());
  const started = { client, started: client.start({ kernel, compiler, eager }) };
  started.started.catch(() => undefined); // who waits for it hears of it
  if (own) theirs.set(own, started);
  else ours.set(place, started);
  client.onEnd.add(() => {
    if (ours.get(place) === started) ours.delete(place);
  });
  return started;
}

/** @param {() => Worker} make */
function made(make) {
  const worker = make();
  if (!isWorker(worker))
    throw new TypeError('connect(): the option "worker" is a function that does not return a Worker');
  return worker;
}

/** @template T @param {Promise<T>} promise @param {AbortSignal | null | undefined} signal @returns {Promise<T>} */
export function unlessAborted(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
