/**
 * The query compiler: Python in Pyodide, asked for what no cache has (turso_wasm/bridge.py).
 *
 * Owns loading Pyodide, putting the wheel on Python's path, and the reading of replies. Knows nothing of the kernel.
 */

import { SqlError } from '../base/errors.js';
import { loadPyodide } from './pyodide.js';

const decoder = new TextDecoder();
const WHEEL_FOLDER = '/lib/turso_wasm';

/**
 * @typedef {object} Reply
 * @property {{code: number, message: string, offset: number}} [error]
 * @property {any} [key]
 */

export class Compiler {
  /** @type {any} */ #bridge;

  /**
   * Load Pyodide and the wheel.
   * @param {{pyodide: string, wheel: string | Promise<ArrayBuffer>}} where URL of Pyodide's folder (it ends with a slash);
   *   URL of the wheel, or its bytes
   * @throws {Error} when one of them cannot be had; the message says which, and from where
   */
  static async load({ pyodide: base, wheel }) {
    const bytes = typeof wheel === 'string' ? fetchBytes(wheel) : wheel;
    bytes.catch(() => undefined); // both are awaited below; the first to fail must not go unhandled
    const pyodide = await loadPyodide(base);
    return Compiler.over(pyodide, await bytes);
  }

  /**
   * A compiler over a Pyodide that is there already.
   * @param {any} pyodide
   * @param {ArrayBuffer} [wheel] absent: the package is on Python's path
   */
  static over(pyodide, wheel) {
    if (wheel) {
      try {
        pyodide.unpackArchive(wheel, 'wheel', { extractDir: WHEEL_FOLDER });
      } catch (cause) {
        throw new Error('turso_wasm.whl is no wheel, or not all of it', { cause });
      }
      pyodide.runPython(
        `import sys\nif ${JSON.stringify(WHEEL_FOLDER)} not in sys.path: sys.path.insert(0, ${JSON.stringify(WHEEL_FOLDER)})`,
      );
    }
    return new Compiler(pyodide.runPython('from turso_wasm.bridge import Compiler\nCompiler()'), pyodide);
  }

  /** @param {any} bridge a proxy of bridge.Compiler @param {any} [pyodide] */
  constructor(bridge, pyodide) {
    this.#bridge = bridge;
    this.pyodide = pyodide;
    this.compileProxy = bridge.compile;
    /** @type {{schema: string, statistics: string}} */
    this.queries = /** @type {any} */ (read(bridge.queries()).head);
  }

  /**
   * @param {string} path
   * @param {number} cookie
   * @param {unknown[][] | null} rows answer to the schema query
   * @param {unknown[][] | null} statistics answer to the statistics query
   * @returns {{schema: number, statistics: boolean}}
   */
  openSchema(path, cookie, rows, statistics) {
    const given = [rows, statistics].map((table) => (table ? JSON.stringify(table, plain) : null));
    return /** @type {any} */ (checked(this.#bridge.open_schema(path, cookie, ...given)).head);
  }

  /** @param {number} schema */
  closeSchema(schema) {
    this.#bridge.close_schema(schema);
  }

  /**
   * The statement at `start`. Errors: SqlError with its offset.
   * @param {number} schema
   * @param {string} sql
   * @param {number} start
   * @returns {{end: number, tail: boolean, program?: number, rows_literals?: [number, number, number][], literals: Uint8Array}}
   */
  compile(schema, sql, start) {
    const { head, block } = checked(this.compileProxy(schema, sql, start));
    return { .../** @type {any} */ (head), literals: block };
  }

  /** A serialized Program. @param {number} number */
  program(number) {
    return bytesOf(this.#bridge.program(number));
  }
}

/** JSON has no bytes, BigInts or infinities; the schema tables have none either unless they are malformed. @param {string} _ @param {unknown} value */
function plain(_, value) {
  return value instanceof Uint8Array ? {} : typeof value === 'bigint' ? Number(value) : value;
}

/** A copy of a Python bytes object. @param {any} proxy */
function bytesOf(proxy) {
  if (proxy instanceof Uint8Array) return proxy;
  const buffer = proxy.getBuffer('u8');
  try {
    return buffer.data.slice();
  } finally {
    buffer.release();
    proxy.destroy();
  }
}

/** @param {any} proxy @returns {{head: Reply, block: Uint8Array}} */
function read(proxy) {
  const bytes = bytesOf(proxy);
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  return { head: JSON.parse(decoder.decode(bytes.subarray(4, 4 + size))), block: bytes.subarray(4 + size) };
}

/** @param {any} proxy */
function checked(proxy) {
  const reply = read(proxy);
  const { error } = reply.head;
  if (error) throw new SqlError(error.message, error.code, error.offset);
  return reply;
}

/** @param {string} url @returns {Promise<ArrayBuffer>} @throws {Error} when it cannot be had, or not all of it */
export async function fetchBytes(url) {
  try {
    const response = await fetch(url);
    if (response.ok) return await response.arrayBuffer();
    throw new Error(`HTTP status ${response.status}`);
  } catch (cause) {
    throw new Error(`${url} could not be fetched: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
