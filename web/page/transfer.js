/** Whole databases on their way in and out, part by part. */

import { joined, PAGES, sizeIn, withoutWal } from '../image.js';
import { describe, isBytes } from '../values.js';
import { permit, refused } from './files.js';
import { inSteps } from './steps.js';

/** Bytes of a part. */
const PART = 1 << 20;

/**
 * @typedef {import('./handle.js').Handle} Handle
 * @typedef {{done: number, total: number | null}} Progress bytes
 * @typedef {{signal?: AbortSignal | null, onProgress?: (progress: Progress) => void}} Options
 */

// --- out ------------------------------------------------------------------------------------------------

/** A database as a file without a log, in parts, as it is when the first is asked for. @param {Handle} handle @param {Options} options */
export async function* partsOf(handle, { signal = null }) {
  const statement = handle.prepare(PAGES).pluck().signal(signal);
  /** @type {Uint8Array[]} */
  let pages = [];
  let size = 0;
  try {
    for await (const page of statement.iterate()) {
      size += pages[pages.push(/** @type {Uint8Array} */ (page)) - 1].length;
      if (size < PART) continue;
      yield joined(pages);
      pages = [];
      size = 0;
    }
    if (size) yield joined(pages);
  } finally {
    statement.finalize();
  }
}

/**
 * Write a database to a stream, which is closed; aborted when it fails.
 * @param {AsyncIterable<Uint8Array> | Iterable<Uint8Array>} parts @param {WritableStream} stream @param {Options} options
 */
export async function writeTo(parts, stream, { signal = null, onProgress }) {
  const writer = stream.getWriter();
  let done = 0;
  let total = 0;
  try {
    for await (const part of parts) {
      if (!done) total = sizeIn(withoutWal(part));
      await writer.write(part);
      signal?.throwIfAborted();
      done += part.length;
      onProgress?.({ done, total });
    }
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => undefined);
    throw error;
  }
}

/**
 * A backup that the worker makes in steps, as large as `progress` says.
 * @param {(fields: Record<string, any>, options: {signal?: AbortSignal | null}) => Promise<any>} request
 * @param {Record<string, any>} fields of the request @param {{signal?: AbortSignal | null, progress: import('./steps.js').Progress}} options
 */
export async function backupFrom(request, fields, { signal, progress }) {
  const { transfer, ...begun } = await request({ ...fields, inSteps: true }, { signal });
  const backup = {
    ...begun,
    /** @param {number} pages */
    async step(pages) {
      Object.assign(this, await request({ op: 'step', transfer, pages }, { signal }));
    },
  };
  try {
    await inSteps(backup, progress);
  } finally {
    await request({ op: 'drop', transfer }, {}).catch(() => undefined); // with the database itself it is gone already
  }
  const { bytes, totalPages, remainingPages } = backup;
  return { bytes, totalPages, remainingPages };
}

/** Where to write a file that replaces another when it is complete. @param {FileSystemFileHandle} handle */
export async function replacementOf(handle) {
  if (typeof handle.createWritable !== 'function') {
    throw new TypeError('this browser does not let pages write files in place: export the database to a new one');
  }
  await permit(handle, 'readwrite');
  try {
    return await handle.createWritable();
  } catch (error) {
    throw refused(handle, 'readwrite', error);
  }
}

// --- in -------------------------------------------------------------------------------------------------

/**
 * Send a file to the worker, which puts it in the place of a database when all of it is there.
 * @param {(fields: Record<string, any>, options: {signal?: AbortSignal | null}) => Promise<any>} request
 * @param {any} source @param {Options} options
 */
export async function importFrom(request, source, { signal, onProgress }) {
  const { parts, total } = await opened(source, signal);
  let transfer;
  let done = 0;
  try {
    for await (const part of parts) {
      transfer = (await request({ op: 'fill', transfer, part }, { signal })).transfer;
      done += part.size;
      onProgress?.({ done, total });
    }
    signal?.throwIfAborted();
    await request({ op: 'import', transfer }, { signal });
  } catch (error) {
    if (transfer !== undefined) await request({ op: 'drop', transfer }, {}).catch(() => undefined);
    throw error;
  }
}

/** @param {any} source @param {AbortSignal | null} [signal] @returns {Promise<{parts: AsyncIterable<Blob> | Iterable<Blob>, total: number | null}>} */
async function opened(source, signal) {
  if (source instanceof Blob) return { parts: slices(source), total: source.size };
  if (isBytes(source)) return opened(new Blob([source]));
  if (typeof source === 'string' || source instanceof URL) {
    return openedResponse(await fetched(String(source), signal), `${source}`);
  }
  if (source instanceof Response) return openedResponse(source, source.url || 'the Response');
  if (source instanceof ReadableStream) return { parts: chunks(source, 'the ReadableStream'), total: null };
  throw new TypeError(`import() takes a Blob, bytes, a Response, a ReadableStream or a URL, not ${describe(source)}`);
}

/** @param {Blob} blob */
function* slices(blob) {
  for (let at = 0; at < blob.size; at += PART) yield blob.slice(at, at + PART);
}

/** @param {string} url @param {AbortSignal | null} [signal] */
async function fetched(url, signal) {
  try {
    return await fetch(url, { signal });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    throw new TypeError(`${url} could not be fetched: ${messageOf(cause)}`, { cause });
  }
}

/** @param {Response} response @param {string} what */
function openedResponse(response, what) {
  if (!response.ok) throw new TypeError(`${what} could not be fetched: HTTP status ${response.status}`);
  const size = response.headers.get('Content-Encoding') ? null : response.headers.get('Content-Length');
  if (response.bodyUsed) throw new TypeError(`${what} could not be read: its body was used already`);
  return { parts: response.body ? chunks(response.body, what) : [], total: size === null ? null : Number(size) };
}

/** What a stream gives, in parts of some size. @param {ReadableStream} stream @param {string} what @returns {AsyncGenerator<Blob>} */
async function* chunks(stream, what) {
  const failure = (/** @type {unknown} */ cause) =>
    new TypeError(`${what} could not be read: ${messageOf(cause)}`, { cause });
  let reader;
  try {
    reader = stream.getReader();
  } catch (cause) {
    throw failure(cause);
  }
  /** @type {Uint8Array<ArrayBuffer>[]} */
  let part = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => Promise.reject(failure(cause)));
      if (!done && !isBytes(value)) throw failure(new Error(`it gives ${describe(value)}, not bytes`));
      if (!done) size += part[part.push(value) - 1].byteLength;
      if (size >= PART || (done && size)) {
        yield* slices(new Blob(part));
        part = [];
        size = 0;
      }
      if (done) return;
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
