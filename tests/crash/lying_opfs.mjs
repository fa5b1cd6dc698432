/**
 * An origin private file system whose power can be cut: what was not flushed survives in any part (turso_wasm/kernel/base/vfs.py V3).
 *
 * Writes are kept in order until they are flushed. A cut keeps of each file what was flushed, and of the later writes sectors chosen at random.
 */

const SECTOR = 512;

/** Random numbers from a seed (xorshift). @param {number} seed */
export function random(seed) {
  let state = seed * 2654435761 + 1;
  return (/** @type {number} */ n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

export class PowerCut extends Error {}

/** @param {Uint8Array} bytes @param {number} size */
function resized(bytes, size) {
  const next = new Uint8Array(size);
  next.set(bytes.subarray(0, size));
  return next;
}

class LyingFile {
  bytes = new Uint8Array(0);
  durable = new Uint8Array(0);
  /** Since the last flush: a write, or the size it was cut to. @type {({at: number, data: Uint8Array} | number)[]} */ pending = [];
  isOpen = false;

  /** @param {{at: number, data: Uint8Array} | number} change @param {Uint8Array} bytes */
  static changed(change, bytes) {
    if (typeof change === 'number') return resized(bytes, change);
    const next = bytes.length < change.at + change.data.length ? resized(bytes, change.at + change.data.length) : bytes;
    next.set(change.data, change.at);
    return next;
  }

  /** @param {{at: number, data: Uint8Array} | number} change */
  change(change) {
    this.pending.push(change);
    this.bytes = LyingFile.changed(change, this.bytes);
  }

  flush() {
    this.durable = this.bytes.slice();
    this.pending = [];
  }

  /** @param {(n: number) => number} any */
  cut(any) {
    let bytes = this.durable.slice();
    for (const change of this.pending) {
      if (typeof change === 'number') {
        if (any(2)) bytes = LyingFile.changed(change, bytes);
        continue;
      }
      for (let from = 0; from < change.data.length; ) {
        const to = Math.min(change.data.length, from + SECTOR - ((change.at + from) % SECTOR));
        if (any(2)) bytes = LyingFile.changed({ at: change.at + from, data: change.data.subarray(from, to) }, bytes);
        from = to;
      }
    }
    this.bytes = bytes;
    this.flush();
    this.isOpen = false;
  }
}

/** What `navigator.storage` leads to. */
export class LyingOpfs {
  /** @type {Map<string, LyingFile>} */ files = new Map();
  /** Calls that change something, since the last cut. */ calls = 0;
  /** The call before which the power goes. */ last = Infinity;
  isOff = false;

  #call() {
    if (this.calls >= this.last) this.isOff = true;
    if (this.isOff) throw new PowerCut('the power is off');
    this.calls++;
  }

  /** Power comes back after a cut; it goes again before a call. @param {(n: number) => number} any @param {number} last */
  restart(any, last) {
    for (const file of this.files.values()) file.cut(any);
    this.isOff = false;
    this.calls = 0;
    this.last = last;
  }

  /** @param {string} name @param {LyingFile} file */
  #handle(name, file) {
    const changes = () => this.#call();
    return {
      kind: 'file',
      name,
      getFile: async () => new Blob([/** @type {any} */ (file.bytes)]),
      createSyncAccessHandle: async () => {
        if (file.isOpen) throw new DOMException('it is open', 'NoModificationAllowedError');
        file.isOpen = true;
        return {
          getSize: () => file.bytes.length,
          /** @param {Uint8Array} into @param {{at: number}} where */
          read(into, { at }) {
            const part = file.bytes.subarray(at, at + into.length);
            into.set(part);
            return part.length;
          },
          /** @param {Uint8Array} from @param {{at: number}} where */
          write(from, { at }) {
            changes();
            file.change({ at, data: from.slice() });
            return from.length;
          },
          /** @param {number} size */
          truncate(size) {
            changes();
            file.change(size);
          },
          flush() {
            changes();
            file.flush();
          },
          close() {
            file.isOpen = false;
          },
        };
      },
    };
  }

  /** The root, which has no folders. */
  get directory() {
    return {
      /** @param {string} name @param {{create?: boolean}} [options] */
      getFileHandle: async (name, { create = false } = {}) => {
        let file = this.files.get(name);
        if (!file && !create) throw new DOMException(name, 'NotFoundError');
        if (!file) this.files.set(name, (file = new LyingFile()));
        return this.#handle(name, file);
      },
      /** @param {string} name */
      removeEntry: async (name) => {
        this.#call();
        if (this.files.get(name)?.isOpen) throw new DOMException(name, 'NoModificationAllowedError');
        this.files.delete(name);
      },
      entries: () => [...this.files].map(([name, file]) => [name, this.#handle(name, file)]),
    };
  }

  /** Let OpfsStorage find this one. */
  install() {
    class FileSystemFileHandle {
      createSyncAccessHandle() {}
    }
    const storage = { getDirectory: async () => this.directory };
    Object.defineProperty(globalThis, 'FileSystemFileHandle', { value: FileSystemFileHandle });
    Object.defineProperty(globalThis, 'navigator', { value: { storage, userAgent: 'Node' } });
  }
}
