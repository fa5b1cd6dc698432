/** A database as a whole: the pages it has, and the file they make. Pages and their workers use it alike. */

/** How encrypted databases begin (turso_wasm/kernel/pager/encryption.py). */
export const ENCRYPTED = /^T(?:Wasm|urso)/;
const HEADER_SIZE = 100;
const AT_PAGE_SIZE = 16;
const AT_WRITE_VERSION = 18;
const AT_READ_VERSION = 19;
const AT_PAGE_COUNT = 28;

/** All pages, as they are at one moment. It needs no compiler: the kernel comes with its Program (make_assets.py FIRST_STATEMENTS). */
export const PAGES = 'SELECT data FROM sqlite_dbpage';

/** @param {Uint8Array[]} parts */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The same file in rollback-journal mode: it comes without its log. The header of an encrypted one is authenticated and stays as it is.
 * @template {Uint8Array} T @param {T} bytes its beginning at least
 */
export function withoutWal(bytes) {
  const isPlain = bytes.length >= HEADER_SIZE && !ENCRYPTED.test(String.fromCharCode(...bytes.subarray(0, 5)));
  if (isPlain) bytes[AT_WRITE_VERSION] = bytes[AT_READ_VERSION] = 1;
  return bytes;
}

/** How large it is, by its header. @param {Uint8Array} bytes its beginning at least */
export function sizeIn(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(AT_PAGE_COUNT) * pageSizeIn(bytes);
}

/** The size of its pages. @param {Uint8Array} bytes its beginning at least */
export function pageSizeIn(bytes) {
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint16(AT_PAGE_SIZE);
  return size === 1 ? 65536 : size;
}
