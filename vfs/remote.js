/**
 * A file on a web server, read by ranges (GET alone; https://httpwg.org/specs/rfc9110.html#range.requests).
 *
 * The first range is asked for as pages ask for anything; the others by requests that the worker waits for, since the database reads at
 * once. What was fetched is kept, in OPFS if there is a file for it, else what is recent in memory.
 *
 * Invariant:
 *   U1  Every answer is the range that was asked for, of the file as it was first seen (ETag or Last-Modified, size); else reading fails.
 */

import { cannotOpen } from './base.js';
import { BlobSource } from './blob.js';
import { BLOCK, BlockFile } from './blocks.js';
import { ReadAhead } from './readahead.js';
import { RecentBlocks } from './recent.js';
import { Source } from './source.js';

const FIRST = 1 << 16;
/** Shorter ranges cost as much. */
const SHORTEST = 1 << 14;
const PATIENCE_MS = 30_000;
/** What was fetched is found at the next visit, give or take so many bytes. */
const SYNC_BYTES = 4 << 20;
const NO_RANGES =
  'the server does not send parts of files (HTTP ranges); with the option "download" the whole file is fetched';
const UNREACHABLE =
  'the server cannot be reached (is the browser offline?), or does not allow this origin to read the file (CORS)';
const CHANGED = 'it has changed since it was opened: connect again';

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {(name: string) => string | null} header
 * @property {Uint8Array<ArrayBuffer>} bytes
 * @typedef {{bytes: Uint8Array<ArrayBuffer>, size: number | null, version: string}} Part size: of the file, if the server says
 */

/**
 * @param {string} url
 * @param {object} options
 * @param {boolean} [options.download] fetch the whole file if the server sends no parts
 * @param {AbortSignal} [options.signal]
 * @param {() => Promise<import('./base.js').StoredFile | null>} options.cache a file for what is fetched
 * @returns {Promise<Source>}
 * @throws {SqlError} SQLITE_CANTOPEN
 */
export async function openUrl(url, { download = false, signal, cache }) {
  if (typeof XMLHttpRequest === 'undefined') throw cannotOpen(url, 'URLs are read in web workers only');
  try {
    const patience = AbortSignal.timeout(PATIENCE_MS);
    const response = await firstPart(url, signal ? AbortSignal.any([signal, patience]) : patience);
    if (response.status === 200 && download) return await downloaded(url, response);
    if (response.status !== 206) await response.body?.cancel();
    const bytes = new Uint8Array(response.status === 206 ? await response.arrayBuffer() : []);
    const part = partOf({ status: response.status, header: (name) => response.headers.get(name), bytes }, 0, FIRST);
    const source = new RemoteSource(url, part);
    await source.keep(await cache());
    return source;
  } catch (error) {
    throw cannotOpen(url, error instanceof Error && error.name === 'TimeoutError' ? noAnswer() : error);
  }
}

/** @param {string} url @param {AbortSignal} signal */
async function firstPart(url, signal) {
  try {
    return await fetch(url, { headers: { Range: `bytes=0-${FIRST - 1}` }, cache: 'no-cache', signal });
  } catch (cause) {
    throw signal.aborted ? signal.reason : new Error(UNREACHABLE, { cause });
  }
}

/** @param {string} url @param {Response} response */
async function downloaded(url, response) {
  const blob = await response.blob();
  const source = await BlobSource.open(blob);
  source.name = url;
  source.figures = { bytes: blob.size, requests: 1 };
  return source;
}

class RemoteSource extends Source {
  /** @type {BlockFile | RecentBlocks} */ #blocks;
  #readAhead;
  #version;
  #unsynced = 0;
  /** What fetching failed with for good. @type {unknown} */ #broken = null;
  #first;

  /** @param {string} url @param {Part} part its first */
  constructor(url, { bytes, size, version }) {
    super(url);
    this.size = size ?? sizeInHeader(bytes);
    this.identity = version && `${this.size} ${version}`;
    this.figures = { bytes: bytes.length, requests: 1 };
    this.#version = version;
    this.#first = bytes;
    this.#readAhead = new ReadAhead(pageSizeIn(bytes));
    this.#blocks = new RecentBlocks((block) => this.#readAhead.isInterior(block * BLOCK, BLOCK));
  }

  /** Keep what is fetched in a file, which may have some already. @param {import('./base.js').StoredFile | null} file */
  async keep(file) {
    if (file && this.identity) {
      const found = BlockFile.open(file, this.identity) ?? new BlockFile(file, this.identity);
      if (!found.count) found.clear(this.identity);
      this.#blocks = found;
    }
    this.#put(0, this.#first);
    this.#first = new Uint8Array(0);
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const end = Math.min(at + into.length, this.size);
    for (let from = at; from < end; ) {
      const block = Math.floor(from / BLOCK);
      const to = Math.min(end, (block + 1) * BLOCK);
      if (!this.#blocks.has(block)) this.#fetch(from, end);
      this.#blocks.read(block, into.subarray(from - at, to - at), from % BLOCK);
      from = to;
    }
    const n = Math.max(0, end - at);
    this.#readAhead.given(into.subarray(0, n), at);
    return n;
  }

  /** Fetch what is missing, the first byte at least, and what will be wanted next. @param {number} from @param {number} to */
  #fetch(from, to) {
    const [low, high] = this.#readAhead.plan(from, to);
    const wanted = Math.floor(from / BLOCK);
    let first = Math.floor(low / BLOCK);
    let last = Math.ceil(Math.min(this.size, Math.max(high, low + SHORTEST)) / BLOCK) - 1;
    while (first < wanted && this.#blocks.has(first)) first++;
    while (last > wanted && this.#blocks.has(last)) last--;
    const start = first * BLOCK;
    this.#put(start, this.#get(start, Math.min(this.size, (last + 1) * BLOCK)));
  }

  /** @param {number} at @param {Uint8Array} bytes @returns {void} */
  #put(at, bytes) {
    for (let i = 0; i < bytes.length; i += BLOCK) {
      const block = (at + i) / BLOCK;
      if (this.#blocks.has(block)) continue;
      if (this.#write(block, bytes.subarray(i, i + BLOCK)) < 0) {
        this.#blocks = new RecentBlocks((kept) => this.#readAhead.isInterior(kept * BLOCK, BLOCK)); // no room in OPFS
        return this.#put(at, bytes);
      }
    }
    this.#unsynced += bytes.length;
    if (this.#unsynced > SYNC_BYTES) this.#sync();
  }

  /** @param {number} block @param {Uint8Array} bytes */
  #write(block, bytes) {
    try {
      return this.#blocks.write(block, bytes);
    } catch {
      return -1;
    }
  }

  #sync() {
    this.#unsynced = 0;
    try {
      this.#blocks.sync();
    } catch {
      // no room: what is not kept is fetched again
    }
  }

  /** @param {number} from @param {number} to @throws {SqlError} SQLITE_IOERR */
  #get(from, to) {
    if (this.#broken) throw this.#broken;
    const { bytes, size, version } = this.#ask(from, to);
    this.figures.requests++;
    this.figures.bytes += bytes.length;
    if (version !== this.#version || (size ?? this.size) !== this.size) throw this.#break(CHANGED);
    return bytes;
  }

  /** @param {number} from @param {number} to */
  #ask(from, to) {
    const request = new XMLHttpRequest();
    request.open('GET', this.name, false);
    request.responseType = 'arraybuffer';
    request.timeout = PATIENCE_MS;
    request.setRequestHeader('Range', `bytes=${from}-${to - 1}`);
    try {
      request.send();
    } catch (cause) {
      const timedOut = cause instanceof Error && cause.name === 'TimeoutError';
      throw this.failure(timedOut ? noAnswer().message : UNREACHABLE, cause);
    }
    const { status, response } = request;
    if (status === 416) throw this.#break(CHANGED);
    try {
      const bytes = new Uint8Array(response);
      return partOf({ status, header: (name) => request.getResponseHeader(name), bytes }, from, to);
    } catch (error) {
      throw this.failure(/** @type {Error} */ (error).message, error);
    }
  }

  /** @param {string} why */
  #break(why) {
    this.#broken = this.failure(why);
    return this.#broken;
  }

  /** @override */
  async close() {
    this.#sync();
  }
}

/** What an answer has of a file (U1). @param {Answer} answer @param {number} from @param {number} to @returns {Part} @throws {Error} why it has not */
function partOf({ status, header, bytes }, from, to) {
  if (status === 200) throw new Error(NO_RANGES);
  if (status === 416) throw new Error('the file is empty (HTTP status 416)');
  if (status !== 206) throw new Error(`HTTP status ${status}`);
  const encoding = header('Content-Encoding');
  if (encoding && encoding !== 'identity') {
    throw new Error(
      `the server sends parts of the file compressed (Content-Encoding: ${encoding}), which cannot be read`,
    );
  }
  const [, start, end, total] = header('Content-Range')?.match(/^bytes (\d+)-(\d+)\/(\d+|\*)$/) ?? [];
  const size = total === undefined || total === '*' ? null : Number(total);
  const length = start === undefined ? bytes.length : Number(end) + 1 - Number(start);
  const isWanted =
    Number(start ?? from) === from && length === Math.min(to, size ?? from + length) - from && length <= to - from;
  if (!isWanted) throw new Error('the server sent another part of the file than it was asked for');
  if (bytes.length !== length) {
    throw new Error(
      `the server sent ${bytes.length} bytes in the place of ${length}: does it compress them (Content-Encoding)?`,
    );
  }
  return { bytes, size, version: header('ETag') ?? header('Last-Modified') ?? '' };
}

/** @param {Uint8Array} bytes the first of a database */
function pageSizeIn(bytes) {
  const size = bytes.length > 17 ? (bytes[16] << 8) | bytes[17] : 0;
  return size === 1 ? 65536 : size >= 512 && (size & (size - 1)) === 0 ? size : BLOCK;
}

/** What a server says that does not allow pages to read Content-Range. @param {Uint8Array} bytes the first of a database */
function sizeInHeader(bytes) {
  if (bytes.length < FIRST) return bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const pages = view.getUint32(28);
  if (pages && view.getUint32(24) === view.getUint32(92)) return pages * pageSizeIn(bytes);
  throw new Error(
    'its size is not known: the server must let pages read it (Access-Control-Expose-Headers: Content-Range, ETag)',
  );
}

function noAnswer() {
  return new Error(`the server did not answer within ${PATIENCE_MS / 1000} s`);
}
