/**
 * The kernel in a JavaScript engine: linear memory, calls, traps turned into errors, Programs instantiated beside it.
 *
 * Knows nothing of SQL or of Python. Errors are traps: the kernel leaves an error record in memory (kernel/base/errors.py)
 * and executes `unreachable`; `trap()` reads it.
 */

import {
  CODE_NAMES,
  JOURNAL_EXISTS,
  LOCK_EXCLUSIVE,
  LOCK_NONE,
  LOCK_SHARED,
  LOG_HEAD_SIZE,
  LOG_NEXT_SIZE,
  SHM_HEAD_SIZE,
} from '../base/abi.js';
import { NotYet, SQLITE_INTERNAL, SqlError } from '../base/errors.js';
import { IOERR } from '../vfs/base.js';
import { UserCalls } from './usercode.js';

const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** @type {Record<string, number>} */
const CODES = Object.fromEntries(Object.entries(CODE_NAMES).map(([code, name]) => [name, Number(code)]));

/**
 * @typedef {object} Calls the user's code, for the kernel (usercode.js)
 * @property {() => Record<string, (...args: any[]) => any>} imports
 * @property {() => {error: unknown} | null} takeFailure
 */
/** @typedef {{program: import('./program.js').Program, step: (statement: number) => number, data: number}} Loaded */

export class Kernel {
  /** Why a call of the file system failed that may succeed later. @type {NotYet | null} */ #obstacle = null;
  /** What the last call of the file system failed with. @type {SqlError | null} */ #failed = null;

  /**
   * Instantiate kernel.wasm over a VFS.
   * @param {Response | Promise<Response> | BufferSource | WebAssembly.Module} source
   * @param {import('../vfs/table.js').FileTable} vfs
   */
  static async load(source, vfs) {
    const kernel = new Kernel(vfs);
    const imports = { vfs: kernel.#imports(), user: kernel.user.imports() };
    const given = await source;
    let instance;
    let module;
    if (given instanceof WebAssembly.Module) {
      module = given;
      instance = await WebAssembly.instantiate(given, imports);
    } else if (typeof Response !== 'undefined' && given instanceof Response) {
      ({ instance, module } = await (given.headers.get('content-type')?.startsWith('application/wasm')
        ? WebAssembly.instantiateStreaming(given, imports)
        : given.arrayBuffer().then((bytes) => WebAssembly.instantiate(bytes, imports))));
    } else {
      ({ instance, module } = await WebAssembly.instantiate(/** @type {BufferSource} */ (given), imports));
    }
    kernel.#start(module, instance);
    return kernel;
  }

  /**
   * The same, at once.
   * @param {WebAssembly.Module} module @param {import('../vfs/table.js').FileTable} vfs @param {Calls} [user]
   */
  static start(module, vfs, user = undefined) {
    const kernel = new Kernel(vfs, user);
    kernel.#start(module, new WebAssembly.Instance(module, { vfs: kernel.#imports(), user: kernel.user.imports() }));
    return kernel;
  }

  /** @param {import('../vfs/table.js').FileTable} vfs @param {Calls} [user] who runs the user's code; default: UserCalls */
  constructor(vfs, user = undefined) {
    this.vfs = vfs;
    /** @type {WebAssembly.Module | null} */
    this.module = null;
    /** Calls of the user's code. */
    this.user = user ?? new UserCalls(this);
    /** Where the stack begins for what enters the kernel now. */
    this.stackTop = 0;
    /** @type {WebAssembly.Memory} */
    this.memory = new WebAssembly.Memory({ initial: 0 });
    /** @type {Record<string, any>} */
    this.exports = {};
    const buffer = /** @type {ArrayBuffer} */ (this.memory.buffer);
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  /** @param {WebAssembly.Module} module @param {WebAssembly.Instance} instance */
  #start(module, instance) {
    this.module = module;
    this.exports = instance.exports;
    this.memory = this.exports.memory;
    this.stackTop = this.exports.stack_pointer.value;
    this.#look();
  }

  // --- memory ---------------------------------------------------------------------------------

  #look() {
    const buffer = /** @type {ArrayBuffer} */ (this.memory.buffer);
    this.buffer = buffer;
    this.u8 = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i64 = new BigInt64Array(buffer);
  }

  /** Make the typed arrays current: memory may have grown since. */
  refresh() {
    if (this.u8.length === 0) this.#look(); // growth detaches the buffer; asking the memory for its buffer costs a call
    return this;
  }

  /** @param {number} at @param {number} size */
  text(at, size) {
    return decoder.decode(this.refresh().u8.subarray(at >>> 0, (at >>> 0) + size));
  }

  /** A copy of bytes of linear memory. @param {number} at @param {number} size */
  read(at, size) {
    return this.refresh().u8.slice(at >>> 0, (at >>> 0) + size);
  }

  /** @param {number} at @param {Uint8Array} bytes */
  write(at, bytes) {
    this.refresh().u8.set(bytes, at >>> 0);
  }

  /**
   * Run `use(address, size)` with the UTF-8 bytes of a string in kernel memory.
   * @template T
   * @param {string} text
   * @param {(at: number, size: number) => T} use
   */
  withText(text, use) {
    const bytes = encoder.encode(text);
    const at = this.call('malloc', bytes.length || 1) >>> 0;
    try {
      this.write(at, bytes);
      return use(at, bytes.length);
    } finally {
      this.call('mfree', at);
    }
  }

  // --- what web/make_assets.py adds to kernel.wasm ----------------------------------------------------------

  /** @param {string} name */
  #section(name) {
    const [section] = this.module ? WebAssembly.Module.customSections(this.module, name) : [];
    return section && new Uint8Array(section);
  }

  /** Names this kernel and the compiler that belongs to it; '' when it does not say. */
  get build() {
    const section = this.#section('build');
    return section ? decoder.decode(section) : '';
  }

  /** Names its code, without what the compiler is (turso_wasm/runtime/engine.py `kernel_digest`). */
  get digest() {
    return this.build.slice(0, this.build.indexOf('-'));
  }

  /** The Programs that reading a schema and opening transactions take. */
  programs() {
    const section = this.#section('programs');
    if (!section) return [];
    const size = new DataView(section.buffer).getUint32(0, true);
    let at = 4 + size;
    return JSON.parse(decoder.decode(section.subarray(4, at))).map(
      (/** @type {[string, boolean, number]} */ [text, shape, n]) => {
        at += n;
        return { text, shape, bytes: section.slice(at - n, at) };
      },
    );
  }

  // --- calls ----------------------------------------------------------------------------------

  /**
   * Call a kernel export. A trap becomes an SqlError, and the error record is cleared.
   * @param {string} name
   * @param {...(number | bigint)} args
   */
  call(name, ...args) {
    try {
      return this.exports[name](...args);
    } catch (error) {
      const cause = this.trap(error);
      this.exports.error_clear();
      throw cause;
    }
  }

  /**
   * What went wrong: an SqlError from the error record, or the engine's own error (a bug), for which the record is set to
   * SQLITE_INTERNAL so that `statement_abort` rolls the transaction back; or what code of the user's threw. The record stays: the
   * caller clears it.
   * @param {unknown} error
   */
  trap(error) {
    if (!(error instanceof WebAssembly.RuntimeError) && !(error instanceof RangeError)) return error;
    this.exports.stack_pointer.value = this.stackTop;
    const failure = this.user.takeFailure();
    if (failure) return failure.error;
    const obstacle = this.#obstacle;
    this.#obstacle = null;
    if (obstacle) return obstacle;
    const record = this.exports.error_record() >>> 0;
    const { i32 } = this.refresh();
    const [code, size, text] = i32.subarray(record >> 2, (record >> 2) + 3);
    if (code !== 0 && code !== SQLITE_INTERNAL) return this.#told(new SqlError(this.text(text, size), code));
    i32[record >> 2] = SQLITE_INTERNAL;
    return new SqlError(`internal error: ${error.message}`, SQLITE_INTERNAL, -1, { cause: error });
  }

  /** The error, or what a file says of it that knows more. @param {SqlError} error */
  #told(error) {
    const failed = this.#failed;
    this.#failed = null;
    if (!failed || (failed.errcode & 255) !== (error.errcode & 255)) return error;
    return new SqlError(failed.message, error.errcode, -1, { cause: failed });
  }

  // --- Programs -------------------------------------------------------------------------------

  /**
   * Instantiate a Program: its data goes to kernel memory, its imports are the kernel's exports.
   * @param {import('./program.js').Program} program
   * @returns {Loaded}
   */
  load(program) {
    let data = 0;
    if (program.data.length) {
      data = this.call('malloc', program.data.length) >>> 0;
      this.write(data, program.data);
    }
    const module = new WebAssembly.Module(program.wasm);
    const address = new WebAssembly.Global({ value: 'i32', mutable: false }, data | 0);
    const instance = new WebAssembly.Instance(module, { kernel: this.exports, program: { data: address } });
    return { program, step: /** @type {any} */ (instance.exports.step), data };
  }

  /** Give the memory of a Program back; no statement may use it any more. @param {Loaded} loaded */
  unload(loaded) {
    if (loaded.data) this.call('mfree', loaded.data);
    loaded.data = 0;
  }

  // --- the VFS, as the kernel imports it (kernel/base/vfs.py) ------------------------------------------

  /** @returns {Record<string, (...args: any[]) => any>} */
  #imports() {
    const { vfs } = this;
    /** @param {string} failing the name of an I/O error there @param {() => number} act */
    const guarded = (failing, act) => {
      let code;
      this.#failed = null;
      try {
        code = act();
      } catch (error) {
        if (error instanceof NotYet) this.#obstacle = error;
        else if (error instanceof SqlError) this.#failed = error;
        code = vfs.failure(error);
      }
      return code === IOERR ? -CODES[failing] : code;
    };
    /** @param {string} asked @param {string} near @param {number} flags @param {Uint8Array} into */
    const locate = (asked, near, flags, into) => {
      const found = vfs.locate(asked, near, flags);
      const { read, written } = encoder.encodeInto(found.name, into);
      const end = into.subarray(0, written).indexOf(0); // a key follows
      return read === found.name.length
        ? ((end < 0 ? written : end) << 8) | found.flags
        : vfs.failure(new RangeError('the name is too long'));
    };
    /** @param {number} at @param {number} size */
    const name = (at, size) => this.text(at, size);
    /** @param {number} at @param {number} size */
    const view = (at, size) => this.refresh().u8.subarray(at >>> 0, (at >>> 0) + size);
    return {
      vfs_open: (at, size, flags) => guarded('SQLITE_IOERR', () => vfs.open(name(at, size), flags)),
      vfs_locate: (at, size, near, nearSize, flags, out, room) =>
        guarded('SQLITE_IOERR', () => locate(name(at, size), name(near, nearSize), flags, view(out, room))),
      vfs_close: (fd) => vfs.close(fd),
      vfs_delete: (at, size, durable) =>
        guarded('SQLITE_IOERR_DELETE', () => vfs.delete(name(at, size), durable !== 0)),
      vfs_exists: (at, size) => guarded('SQLITE_IOERR_ACCESS', () => (vfs.exists(name(at, size)) ? 1 : 0)),
      vfs_read: (fd, at, n, offset) => guarded('SQLITE_IOERR_READ', () => vfs.read(fd, view(at, n), Number(offset))),
      vfs_begin: (fd, at, size, into, n, offset) => {
        const locked = guarded('SQLITE_IOERR_LOCK', () => vfs.lock(fd, LOCK_SHARED));
        if (locked < 0) return locked;
        let found = guarded('SQLITE_IOERR_ACCESS', () => (vfs.exists(name(at, size)) ? JOURNAL_EXISTS : 0));
        if (found === 0) found = guarded('SQLITE_IOERR_READ', () => vfs.read(fd, view(into, n), Number(offset)));
        if (found < 0) vfs.unlock(fd, LOCK_NONE);
        return found;
      },
      vfs_begin_log: (fd, log, at, size, into, offset) => {
        const locked = guarded('SQLITE_IOERR_LOCK', () => vfs.lock(fd, LOCK_EXCLUSIVE));
        if (locked < 0) return locked;
        const elsewhere = () => vfs.exists(name(at, size)) || vfs.moved(fd) || vfs.moved(log);
        let found = guarded('SQLITE_IOERR_ACCESS', () => (elsewhere() ? JOURNAL_EXISTS : 0));
        if (found === 0) {
          found = guarded('SQLITE_IOERR_READ', () => {
            const n = vfs.read(log, view(into, LOG_HEAD_SIZE), 0);
            if (n !== LOG_HEAD_SIZE) return n;
            const more = vfs.read(log, view(into + LOG_HEAD_SIZE, LOG_NEXT_SIZE), Number(offset));
            return more < 0 ? more : n + more;
          });
        }
        if (found < 0) vfs.unlock(fd, LOCK_NONE);
        return found;
      },
      vfs_write: (fd, at, n, offset) => guarded('SQLITE_IOERR_WRITE', () => vfs.write(fd, view(at, n), Number(offset))),
      vfs_truncate: (fd, size) => guarded('SQLITE_IOERR_TRUNCATE', () => vfs.truncate(fd, Number(size))),
      vfs_sync: (fd) => guarded('SQLITE_IOERR_FSYNC', () => vfs.sync(fd)),
      vfs_size: (fd) => BigInt(guarded('SQLITE_IOERR_FSTAT', () => vfs.size(fd))),
      vfs_lock: (fd, level) => guarded('SQLITE_IOERR_LOCK', () => vfs.lock(fd, level)),
      vfs_unlock: (fd, level) => vfs.unlock(fd, level),
      vfs_check_reserved: (fd) => guarded('SQLITE_IOERR_CHECKRESERVEDLOCK', () => vfs.checkReserved(fd)),
      vfs_moved: (fd) => vfs.moved(fd),
      vfs_capabilities: (fd) => vfs.capabilities(fd),
      vfs_shm_open: (fd) => guarded('SQLITE_IOERR_SHMOPEN', () => vfs.sharing(fd).shmOpen()),
      vfs_shm_close: (fd, remove) => vfs.sharing(fd).shmClose(remove === 1),
      vfs_shm_lock: (fd, first, n, how) =>
        guarded('SQLITE_IOERR_SHMLOCK', () => vfs.sharing(fd).shmLock(first, n, how)),
      vfs_shm_begin: (fd, which, how, into) =>
        guarded('SQLITE_IOERR_SHMLOCK', () => {
          const file = vfs.sharing(fd);
          return file.shmLock(which, 1, how) || file.shmRead(view(into, SHM_HEAD_SIZE), 0);
        }),
      vfs_shm_read: (fd, into, n, offset) =>
        guarded('SQLITE_IOERR_SHMMAP', () => vfs.sharing(fd).shmRead(view(into, n), Number(offset))),
      vfs_shm_write: (fd, from, n, offset) =>
        guarded('SQLITE_IOERR_SHMMAP', () => vfs.sharing(fd).shmWrite(view(from, n), Number(offset))),
      host_now: () => Date.now(),
      host_clock: () => performance.now(),
      host_utc_offset: (ms) => (-60 * new Date(ms).getTimezoneOffset()) | 0,
      host_random: (at, n) => {
        const bytes = view(at, n);
        for (let i = 0; i < n; i += 65536) crypto.getRandomValues(bytes.subarray(i, Math.min(n, i + 65536)));
      },
      host_poll: () => 0,
      host_sleep: (ms) => vfs.sleep?.(ms) ?? 0,
    };
  }
}
