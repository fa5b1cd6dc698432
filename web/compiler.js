/**
 * The query compiler: Python in Pyodide, asked for what no cache has (turso_wasm/bridge.py).
 *
 * Owns loading Pyodide, putting the pack on Python's path, and the reading of replies. Knows nothing of the kernel.
 */

import { SqlError } from '../base/errors.js';
import { fetchBytes } from './fetching.js';
import { installPack } from './pack.js';
import { loadPyodide } from './pyodide.js';
import { Snapshot } from './snapshot.js';

const decoder = new TextDecoder();
/** What is loaded and computed on first use is to be in the snapshot. */
const WARM_UP = 'import gc, random\nfrom turso_wasm.bridge import warm_up\nwarm_up()\ngc.collect()\nNone';
/** All visits would draw the same numbers. */
const RESEED = 'import random\nrandom.seed()';

/**
 * @typedef {object} Reply
 * @property {{code: number, message: string, offset: number}} [error]
 * @property {any} [key]
 */

export class Compiler {
  /** @type {any} */ #bridge;
  /** Whether it is what an earlier visit has left (snapshot.js). */
  fromSnapshot = false;

  /**
   * Load Pyodide and the pack (pack_compiler.mjs).
   * @param {{pyodide: Record<string, string>, pack: string}} where URLs of Pyodide's files (locations.js) and of the pack
   * @throws {Error} when one of them cannot be had; the message says which, and from where
   */
  static async load({ pyodide: files, pack }) {
    const packed = fetchBytes(pack);
    packed.catch(() => undefined); // awaited later; must not go unhandled
    const snapshot = packed.then((bytes) => Snapshot.of(bytes, files['pyodide.asm.wasm']));
    const early = (await Snapshot.exists()) ? await Compiler.#fromSnapshot(files, snapshot) : null;
    return early ?? Compiler.#started(files, snapshot, packed);
  }

  /**
   * A compiler as an earlier visit has left it; null when there is none, or it is no good for any reason.
   * @param {Record<string, string>} files @param {Promise<Snapshot>} named
   */
  static async #fromSnapshot(files, named) {
    const snapshot = await named.catch(() => null);
    const kept = await snapshot?.read();
    if (!snapshot || !kept) return null;
    try {
      const pyodide = await loadPyodide(files, { _loadSnapshot: kept.bytes });
      if (!(await kept.intact)) throw new Error('the snapshot is damaged');
      pyodide.runPython(RESEED);
      const compiler = Compiler.#over(pyodide, true);
      compiler.fromSnapshot = true;
      return compiler;
    } catch {
      await snapshot.drop();
      return null;
    }
  }

  /** @param {Record<string, string>} files @param {Promise<Snapshot>} named @param {Promise<ArrayBuffer>} packed */
  static async #started(files, named, packed) {
    const loading = loadPyodide(files, { _makeSnapshot: typeof caches !== 'undefined' });
    const [pyodide, bytes, snapshot] = await Promise.all([loading, packed, named]);
    installPack(pyodide, bytes);
    if (snapshot.possible) keep(pyodide, snapshot);
    return Compiler.#over(pyodide, true);
  }

  /**
   * A compiler over a Pyodide that is there already.
   * @param {any} pyodide
   * @param {BufferSource} [pack] absent: the package is on Python's path
   */
  static async over(pyodide, pack) {
    if (pack) installPack(pyodide, pack);
    return Compiler.#over(pyodide, Boolean(pack));
  }

  /** @param {any} pyodide @param {boolean} isPacked */
  static #over(pyodide, isPacked) {
    try {
      return new Compiler(pyodide.runPython('from turso_wasm.bridge import Compiler\nCompiler()'), pyodide);
    } catch (cause) {
      throw isPacked ? new Error('compiler.pack is no pack, or of another version', { cause }) : cause;
    }
  }

  /** @param {any} bridge a proxy of bridge.Compiler @param {any} [pyodide] */
  constructor(bridge, pyodide) {
    this.#bridge = bridge;
    this.pyodide = pyodide;
    this.compileProxy = bridge.compile;
  }

  /**
   * The number of a schema. Errors: SqlError, a malformed schema.
   * @param {string} databases Schema.key: what bridge.Compiler.open_schema takes
   * @returns {number}
   */
  openSchema(databases) {
    return /** @type {any} */ (checked(this.#bridge.open_schema(databases)).head).schema;
  }

  /** @param {number} schema */
  closeSchema(schema) {
    this.#bridge.close_schema(schema);
  }

  /**
   * A function in Python. Errors: SqlError, what is wrong with its text.
   * @param {string} name @param {string} source @param {boolean | undefined} compiled whether it must be typed Python, or must not
   * @returns {{arities: number[], typed: boolean, call: (kinds: string, real: (value: number) => unknown, ...values: unknown[]) => unknown}}
   */
  define(name, source, compiled) {
    const pair = this.#bridge.define(name, source, compiled);
    try {
      const { arities, typed } = /** @type {any} */ (checked(pair.get(0)).head);
      const made = pair.get(1);
      const call = made.call.copy();
      made.destroy();
      return { arities, typed, call };
    } finally {
      pair.destroy();
    }
  }

  /**
   * The first statement of a text. Errors: SqlError with its offset.
   * @param {number} schema
   * @param {string} sql
   * @param {(string | null)[]} files of the databases by slot, as PRAGMA database_list shows them; null where none is open
   * @param {import('./schema.js').Sizes} [sizes]
   * @param {import('./hooks.js').Ask} [ask] an authorizer
   * @returns {Compiled}
   */
  compile(schema, sql, files, sizes = null, ask = undefined) {
    const known = JSON.stringify(sizes && [...sizes]);
    const { head, block } = checked(this.compileProxy(schema, sql, JSON.stringify(files), known, ask));
    const { end, key, shape, literals, program, rows_literals } = /** @type {any} */ (head);
    return {
      end,
      key: shape ? key : null,
      literals: { bytes: block.subarray(0, literals), lists: rows_literals },
      program: block.subarray(literals, literals + program),
    };
  }
}

/** Keep Python's memory for the next visit, now that there is nothing in it but our modules (M3 in snapshot.js). @param {any} pyodide @param {Snapshot} snapshot */
function keep(pyodide, snapshot) {
  try {
    pyodide.runPython(WARM_UP);
    snapshot.write(pyodide.makeMemorySnapshot());
  } catch {
    // what cannot be kept is no fault: Python works, or says below why it does not
  }
}

/**
 * @typedef {object} Compiled
 * @property {number} end behind the statement
 * @property {string | null} key of the text without its literals, if others with this key may share the Program
 * @property {import('./literals.js').LiteralBlock} literals
 * @property {Uint8Array} program
 */

/** A copy of a Python bytes object. @param {any} proxy */
function copied(proxy) {
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
  const bytes = copied(proxy);
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
