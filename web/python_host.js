/**
 * The kernel for Python in Pyodide (turso_wasm/runtime/hosts/pyodide.py): calls that convert 64-bit integers and report failures, and a
 * VFS that sends each name where it belongs.
 *
 *   name                      storage
 *   (temporary, ":memory:")   memory, nameless
 *   vfs:opfs:…                the origin private file system; the file must have been acquired
 *   vfs:…                     the VFSs registered in Python
 *   anything else             in Node, what is given; else Emscripten's file system, through Python's file table
 */

import { cannotOpen, Storage, StoredFile } from '../vfs/base.js';
import { OpfsStorage } from '../vfs/opfs.js';
import { FileTable } from '../vfs/table.js';
import { Kernel } from './kernel.js';

const OPFS = 'vfs:opfs:';

/** @typedef {Record<string, (...args: any[]) => any>} PythonFiles a proxy of runtime/files.py FileTable, for Uint8Arrays */

/** A descriptor of Python's. */
class PythonFile extends StoredFile {
  /** @param {PythonFiles} files @param {number} fd */
  constructor(files, fd) {
    super();
    this.files = files;
    this.fd = fd;
  }

  /** @override */
  get capabilities() {
    return this.files.capabilities(this.fd);
  }

  /** @override */
  get size() {
    return this.files.size(this.fd);
  }

  /** @override @param {Uint8Array} into @param {number} at */
  read(into, at) {
    return this.files.read(this.fd, into, at);
  }

  /** @override @param {Uint8Array} from @param {number} at */
  write(from, at) {
    return this.files.write(this.fd, from, at);
  }

  /** @override @param {number} size */
  truncate(size) {
    return this.files.truncate(this.fd, size);
  }

  /** @override */
  sync() {
    return this.files.sync(this.fd);
  }

  /** @override @param {number} level */
  lock(level) {
    return this.files.lock(this.fd, level);
  }

  /** @override @param {number} level */
  unlock(level) {
    this.files.unlock(this.fd, level);
  }

  /** @override */
  checkReserved() {
    return this.files.check_reserved(this.fd);
  }

  /** @override */
  moved() {
    return this.files.moved(this.fd);
  }

  /** @override */
  close() {
    this.files.close(this.fd);
  }
}

/** What Python's file table opens: there is nothing to acquire. */
class PythonStorage extends Storage {
  /** @param {PythonFiles} files */
  constructor(files) {
    super();
    this.files = files;
  }

  /** @override @param {string} name @param {number} flags @returns {StoredFile | number} */
  open(name, flags) {
    const fd = this.files.open(name, flags);
    return fd < 0 ? fd : new PythonFile(this.files, fd);
  }

  /** @override @param {string} name @param {boolean} durable */
  delete(name, durable) {
    return this.files.delete(name, Number(durable));
  }

  /** @override @param {string} name */
  exists(name) {
    return this.files.exists(name) > 0;
  }
}

/** The user's code, which Python runs (runtime/usercode.py). */
class PythonCalls {
  #request = 0;

  /** @param {PythonHost} host @param {PythonFiles} calls call, take, drop and nothing else */
  constructor(host, calls) {
    this.host = host;
    this.calls = calls;
  }

  imports() {
    const { calls } = this;
    return {
      user_call: () => {
        const { kernel } = this.host;
        this.#request ||= kernel.exports.user_request() >>> 0;
        const before = kernel.stackTop;
        kernel.stackTop = kernel.refresh().i32[(this.#request >>> 2) + 5]; // the answer
        try {
          calls.call();
        } finally {
          kernel.stackTop = before;
        }
      },
      user_take: (/** @type {number} */ at) => calls.take(at),
      user_drop: (/** @type {number} */ connection, /** @type {number} */ instance) => calls.drop(connection, instance),
    };
  }

  /** Python remembers what was raised. */
  takeFailure() {
    return null;
  }
}

/** Databases that are attached lie where Python says. */
class PythonFileTable extends FileTable {
  /** @param {Record<string, Storage>} mounts @param {PythonFiles} files */
  constructor(mounts, files) {
    super(mounts);
    this.files = files;
  }

  /** @override @param {string} name @param {string} near @param {number} flags */
  locate(name, near, flags) {
    const found = this.files.locate(name, near, flags);
    const [path, how] = found.toJs();
    found.destroy();
    if (how < 0) throw cannotOpen(name, 'it has no possible name');
    return { name: path, flags: how };
  }
}

export class PythonHost {
  /**
   * @param {BufferSource} wasm kernel.wasm @param {PythonFiles} files @param {PythonFiles} calls runtime/usercode.py UserCalls
   * @param {Storage} [disk] of plain paths, instead of Python's files
   */
  constructor(wasm, files, calls, disk) {
    this.opfs = new OpfsStorage({ untilClosed: true });
    const python = new PythonStorage(files);
    this.files = new PythonFileTable({ [OPFS]: this.opfs, 'vfs:': python, '': disk ?? python }, files);
    this.kernel = Kernel.start(new WebAssembly.Module(wasm), this.files, new PythonCalls(this, calls));
  }

  /**
   * A kernel export as a function of numbers. Failures are thrown as SqlErrors and cleared.
   * @param {string} name
   * @param {number[]} wide indexes of the 64-bit integer parameters
   */
  function(name, wide) {
    const target = this.kernel.exports[name];
    if (typeof target !== 'function') return undefined;
    const { kernel } = this;
    return (/** @type {any[]} */ ...args) => {
      for (const i of wide) args[i] = BigInt(args[i]);
      try {
        return narrow(target(...args));
      } catch (error) {
        const cause = kernel.trap(error);
        kernel.exports.error_clear();
        throw cause;
      }
    };
  }

  /**
   * A Program's step; the error record stays when it fails.
   * @param {Uint8Array<ArrayBuffer>} wasm @param {Uint8Array} data
   */
  load(wasm, data) {
    const { kernel } = this;
    const { step } = kernel.load(/** @type {any} */ ({ wasm, data }));
    return (/** @type {number} */ statement) => {
      try {
        return step(statement | 0);
      } catch (error) {
        throw kernel.trap(error);
      }
    };
  }

  /** Linear memory itself, as a view that is current. @param {number} at @param {number} size */
  view(at, size) {
    const { u8 } = this.kernel.refresh();
    if (at + size > u8.length) throw new RangeError(`address ${at + size} lies beyond linear memory`);
    return u8.subarray(at, at + size);
  }

  /** @param {string} name @param {boolean} create */
  acquire(name, create) {
    return this.opfs.acquire(name, { create });
  }

  /** Give up what no connection came to use; closing the last one does it otherwise. @param {string} name */
  release(name) {
    return this.opfs.release(name);
  }
}

/** Python takes Numbers faster than BigInts. @param {any} result @returns {any} */
function narrow(result) {
  if (Array.isArray(result)) return result.map(narrow);
  if (typeof result !== 'bigint') return result;
  const number = Number(result);
  return Number.isSafeInteger(number) ? number : result;
}

/** Whether this context has access handles. */
export function opfsAvailable() {
  return OpfsStorage.available;
}
