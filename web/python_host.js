/**
 * The kernel for Python in Pyodide (turso_wasm/runtime/hosts/pyodide.py): calls that convert 64-bit integers and report failures, and a
 * VFS that sends each name where it belongs.
 *
 *   name                      storage
 *   (temporary, ":memory:")   memory
 *   vfs:opfs:…                the origin private file system; the file must have been acquired
 *   anything else             Python's file table: Emscripten's file system, and the VFSs registered in Python
 */

import { SqlError } from '../base/errors.js';
import { CANTOPEN, IOERR, OPEN_MEMORY, OPEN_TEMP, Vfs } from '../vfs/base.js';
import { OpfsVfs } from '../vfs/opfs.js';
import { Kernel } from './kernel.js';

const OPFS = 'vfs:opfs:';
const FIRST_PYTHON_FD = 1 << 24;

/** @typedef {Record<string, (...args: any[]) => any>} PythonFiles a proxy of runtime/files.py FileTable, for Uint8Arrays */

class RoutingVfs extends Vfs {
  /** @param {PythonFiles} files */
  constructor(files) {
    super();
    this.opfs = new OpfsVfs();
    this.files = files;
  }

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    if (flags & (OPEN_TEMP | OPEN_MEMORY)) return this.opfs.open(name, OPEN_TEMP);
    if (name.startsWith(OPFS)) return this.opfs.open(name.slice(OPFS.length), flags);
    const fd = this.files.open(name, flags);
    return fd < 0 ? fd : fd + FIRST_PYTHON_FD;
  }

  /** @override @param {number} fd */
  close(fd) {
    if (fd < FIRST_PYTHON_FD) this.opfs.close(fd);
    else this.files.close(fd - FIRST_PYTHON_FD);
  }

  /** @override @param {string} name */
  delete(name) {
    return name.startsWith(OPFS) ? this.opfs.delete(name.slice(OPFS.length)) : this.files.delete(name);
  }

  /** @override @param {string} name */
  exists(name) {
    return name.startsWith(OPFS) ? this.opfs.exists(name.slice(OPFS.length)) : this.files.exists(name) > 0;
  }

  /** @override @param {number} fd @param {Uint8Array} into @param {number} at */
  read(fd, into, at) {
    return fd < FIRST_PYTHON_FD ? this.opfs.read(fd, into, at) : this.files.read(fd - FIRST_PYTHON_FD, into, at);
  }

  /** @override @param {number} fd @param {Uint8Array} from @param {number} at */
  write(fd, from, at) {
    return fd < FIRST_PYTHON_FD ? this.opfs.write(fd, from, at) : this.files.write(fd - FIRST_PYTHON_FD, from, at);
  }

  /** @override @param {number} fd @param {number} size */
  truncate(fd, size) {
    return fd < FIRST_PYTHON_FD ? this.opfs.truncate(fd, size) : this.files.truncate(fd - FIRST_PYTHON_FD, size);
  }

  /** @override @param {number} fd */
  sync(fd) {
    return fd < FIRST_PYTHON_FD ? this.opfs.sync(fd) : this.files.sync(fd - FIRST_PYTHON_FD);
  }

  /** @override @param {number} fd */
  size(fd) {
    return fd < FIRST_PYTHON_FD ? this.opfs.size(fd) : this.files.size(fd - FIRST_PYTHON_FD);
  }

  /** @override @param {number} fd @param {number} level */
  lock(fd, level) {
    return fd < FIRST_PYTHON_FD ? 0 : this.files.lock(fd - FIRST_PYTHON_FD, level);
  }

  /** @override @param {number} fd @param {number} level */
  unlock(fd, level) {
    if (fd >= FIRST_PYTHON_FD) this.files.unlock(fd - FIRST_PYTHON_FD, level);
  }

  /** @override @param {number} fd */
  checkReserved(fd) {
    return fd < FIRST_PYTHON_FD ? 0 : this.files.check_reserved(fd - FIRST_PYTHON_FD);
  }

  /** @override @param {number} fd */
  capabilities(fd) {
    return fd < FIRST_PYTHON_FD ? this.opfs.capabilities(fd) : this.files.capabilities(fd - FIRST_PYTHON_FD);
  }

  /** @override @param {unknown} error */
  failure(error) {
    if (error instanceof SqlError) return -error.errcode;
    const code = this.opfs.failure(error);
    this.lastError = error;
    return code === IOERR && error instanceof Error && error.name === 'NotFoundError' ? CANTOPEN : code;
  }
}

export class PythonHost {
  /** @param {BufferSource} wasm kernel.wasm @param {PythonFiles} files */
  constructor(wasm, files) {
    this.vfs = new RoutingVfs(files);
    this.kernel = Kernel.start(new WebAssembly.Module(wasm), this.vfs);
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
    return this.vfs.opfs.acquire(name, { create });
  }

  /** @param {string} name */
  release(name) {
    return this.vfs.opfs.release(name);
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
  return OpfsVfs.available;
}
