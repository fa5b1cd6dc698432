/** An open database of a page. */

import { unpackError } from '../protocol.js';
import { describe } from '../values.js';
import { COUNT, checkOptions, checkSql, SIGNAL } from './check.js';
import { Handle } from './handle.js';

export class Database extends Handle {
  /** Made by `connect`. @param {import('./remote.js').RemoteDatabase} connection @param {string} name */
  constructor(connection, name) {
    super(connection, null);
    this.name = name;
  }

  get open() {
    return this.connection.open;
  }

  /** @param {string} sql @param {{limit?: number, signal?: AbortSignal}} [options] */
  async script(sql, options) {
    checkSql(sql);
    const { limit = 1000, signal } = checkOptions('script()', options, { limit: COUNT, signal: SIGNAL });
    const { results, error } = await this.request({ op: 'script', sql, limit }, { signal });
    return { results, error: error && unpackError(error) };
  }

  async status() {
    return this.request({ op: 'status' });
  }

  /** @returns {Promise<Uint8Array>} */
  async export() {
    return new Uint8Array((await this.request({ op: 'export' })).buffer);
  }

  /** @param {Blob | ArrayBuffer | ArrayBufferView | Response | ReadableStream | string | URL} source */
  async import(source) {
    await this.request({ op: 'import', blob: await blobOf(source) });
  }

  interrupt() {
    this.connection.interrupt();
  }

  async close() {
    await this.connection.close();
  }

  [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]() {
    return this.close();
  }
}

/** @param {any} source @returns {Promise<Blob>} */
async function blobOf(source) {
  if (source instanceof Blob) return source;
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return new Blob([/** @type {BlobPart} */ (source)]);
  if (typeof source === 'string' || source instanceof URL) return bodyOf(await fetched(String(source)), `${source}`);
  if (source instanceof Response) return bodyOf(source, source.url || 'the Response');
  if (source instanceof ReadableStream) return bodyOf(responseOf(source), 'the ReadableStream');
  throw new TypeError(`import() takes a Blob, bytes, a Response, a ReadableStream or a URL, not ${describe(source)}`);
}

/** @param {string} url */
async function fetched(url) {
  try {
    return await fetch(url);
  } catch (cause) {
    throw new TypeError(`${url} could not be fetched: ${messageOf(cause)}`, { cause });
  }
}

/** @param {ReadableStream} stream */
function responseOf(stream) {
  try {
    return new Response(stream);
  } catch (cause) {
    throw new TypeError(`the ReadableStream could not be read: ${messageOf(cause)}`, { cause });
  }
}

/** @param {Response} response @param {string} what */
async function bodyOf(response, what) {
  if (!response.ok) throw new TypeError(`${what} could not be fetched: HTTP status ${response.status}`);
  try {
    return await response.blob();
  } catch (cause) {
    throw new TypeError(`${what} could not be read: ${messageOf(cause)}`, { cause });
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
