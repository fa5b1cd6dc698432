/** Files in memory: private `:memory:` databases, temporary files, and named files that live as long as the VFS. */

import { CANTOPEN, CAP_MEMORY, CAP_OWNED, COMPANIONS, OPEN_CREATE, OPEN_MEMORY, OPEN_TEMP, Vfs } from './base.js';

/** A growable array of bytes. */
export class MemoryFile {
  /** @param {Uint8Array} [bytes] */
  constructor(bytes = new Uint8Array(0)) {
    this.bytes = bytes;
    this.size = bytes.length;
  }

  /** @param {Uint8Array} into @param {number} at */
  read(into, at) {
    const n = Math.max(0, Math.min(into.length, this.size - at));
    if (n) into.set(this.bytes.subarray(at, at + n));
    return n;
  }

  /** @param {Uint8Array} from @param {number} at */
  write(from, at) {
    this.resize(Math.max(this.size, at + from.length));
    this.bytes.set(from, at);
    return 0;
  }

  /** @param {number} size */
  resize(size) {
    if (size > this.bytes.length) {
      const grown = new Uint8Array(Math.max(size, this.bytes.length * 2, 65536));
      grown.set(this.bytes.subarray(0, this.size));
      this.bytes = grown;
    } else if (size < this.size) {
      this.bytes.fill(0, size, this.size);
    }
    this.size = size;
    return 0;
  }

  /** A copy of the content. @returns {Uint8Array<ArrayBuffer>} */
  toBytes() {
    return new Uint8Array(this.bytes.subarray(0, this.size));
  }
}

export class MemoryVfs extends Vfs {
  /** Named files, and private databases as long as somebody may ask for them. @type {Map<string, MemoryFile>} */ files =
    new Map();
  /** @type {Map<number, MemoryFile>} */ #open = new Map();
  #next = 1;

  /** @override @param {string} name @param {number} flags */
  open(name, flags) {
    if (flags & OPEN_TEMP) return this.openFile(new MemoryFile());
    let file = this.files.get(name);
    if (!file) {
      if (!(flags & (OPEN_CREATE | OPEN_MEMORY))) return CANTOPEN;
      file = new MemoryFile();
      this.files.set(name, file);
    }
    return this.openFile(file);
  }

  /** A descriptor for a file. @param {MemoryFile} file */
  openFile(file) {
    const fd = this.#next++;
    this.#open.set(fd, file);
    return fd;
  }

  /** @param {number} fd @returns {MemoryFile} */
  file(fd) {
    return /** @type {MemoryFile} */ (this.#open.get(fd));
  }

  /** @override @param {number} fd */
  close(fd) {
    this.#open.delete(fd);
  }

  /** @override @param {string} name */
  delete(name) {
    this.files.delete(name);
    return 0;
  }

  /** @override @param {string} name */
  exists(name) {
    return this.files.has(name);
  }

  /** @override @param {string} name @returns {Uint8Array<ArrayBuffer>} */
  contentOf(name) {
    return this.files.get(name)?.toBytes() ?? new Uint8Array(0);
  }

  /** @override @param {string} name @param {Blob} content */
  async replace(name, content) {
    const bytes = new Uint8Array(await content.arrayBuffer());
    for (const suffix of COMPANIONS) this.files.delete(name + suffix);
    this.files.set(name, new MemoryFile(bytes));
  }

  /** @override @param {string} name */
  forget(name) {
    this.files.delete(name);
  }

  /** @override @param {number} fd @param {Uint8Array} into @param {number} at */
  read(fd, into, at) {
    return this.file(fd).read(into, at);
  }

  /** @override @param {number} fd @param {Uint8Array} from @param {number} at */
  write(fd, from, at) {
    return this.file(fd).write(from, at);
  }

  /** @override @param {number} fd @param {number} size */
  truncate(fd, size) {
    return this.file(fd).resize(size);
  }

  /** @override @param {number} fd */
  size(fd) {
    return this.file(fd).size;
  }

  /** @override */
  capabilities() {
    return CAP_OWNED | CAP_MEMORY;
  }
}
