/**
 * A database file with what its write-ahead log has committed (https://sqlite.org/fileformat2.html#the_write_ahead_log):
 *
 *   OFFSET  SIZE  MEANING
 *   0       4     0x377f0682; 0x377f0683: checksums are of big-endian words
 *   8       4     page size
 *   16      8     salt
 *   24      8     checksum of the 24 bytes before
 *   32      …     frames: page number, size of the database in pages when it ends a transaction, salt, checksum (8 bytes each two), the page
 *
 * A frame counts if its salt is the header's and the checksums of all up to it are right; it is committed if one behind it, or itself, ends a
 * transaction.
 */

const HEADER = 32;
const FRAME = 24;
const MAGIC = 0x377f0682;

/** @param {Uint8Array} content @param {Uint8Array} log */
export function withLog(content, log) {
  const { pages, count, size } = committed(log);
  if (!count) return content;
  const merged = new Uint8Array(count * size);
  merged.set(content.subarray(0, merged.length));
  for (const [number, page] of pages) if (number <= count) merged.set(page, (number - 1) * size);
  return merged;
}

/** The pages of whole transactions, and how many the database has. @param {Uint8Array} log */
function committed(log) {
  /** @type {Map<number, Uint8Array>} */ const pages = new Map();
  /** @type {[number, Uint8Array][]} */ let pending = [];
  const view = new DataView(log.buffer, log.byteOffset, log.length);
  if (log.length < HEADER || (view.getUint32(0) & ~1) >>> 0 !== MAGIC) return { pages, count: 0, size: 0 };
  const isLittle = (view.getUint32(0) & 1) === 0;
  const size = view.getUint32(8);
  const salt = view.getBigUint64(16);
  let count = 0;
  let sum = checksum(view, 0, 24, isLittle, [0, 0]);
  let isWhole = isSaid(view, 24, sum);
  for (let at = HEADER; isWhole && at + FRAME + size <= log.length; at += FRAME + size) {
    sum = checksum(view, at + FRAME, size, isLittle, checksum(view, at, 8, isLittle, sum));
    isWhole = view.getBigUint64(at + 8) === salt && isSaid(view, at + 16, sum);
    if (!isWhole) break;
    pending.push([view.getUint32(at), log.subarray(at + FRAME, at + FRAME + size)]);
    const end = view.getUint32(at + 4);
    if (!end) continue;
    for (const [number, page] of pending) pages.set(number, page);
    pending = [];
    count = end;
  }
  return { pages, count, size };
}

/** @param {DataView} view @param {number} at @param {number} length @param {boolean} isLittle @param {number[]} sum */
function checksum(view, at, length, isLittle, [a, b]) {
  for (let i = at; i < at + length; i += 8) {
    a = (a + view.getUint32(i, isLittle) + b) >>> 0;
    b = (b + view.getUint32(i + 4, isLittle) + a) >>> 0;
  }
  return [a, b];
}

/** @param {DataView} view @param {number} at @param {number[]} sum */
function isSaid(view, at, [a, b]) {
  return view.getUint32(at) === a && view.getUint32(at + 4) === b;
}
