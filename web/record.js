/** SQLite's record format, read (turso_wasm/values/records.py). */

const decoder = new TextDecoder();
/** Bytes of integers and reals, by serial type. */
const SIZES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

/**
 * The values of a record.
 * @param {Uint8Array} bytes
 * @param {import('./rows.js').Integers} integers what becomes of integers
 * @returns {import('./rows.js').SqlValue[]}
 */
export function decodeRecord(bytes, integers) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let n = 0; n < 9; n++) {
      const byte = bytes[at++];
      if (n === 8) return value * 256 + byte;
      value = value * 128 + (byte & 127);
      if (byte < 128) break;
    }
    return value;
  };
  const end = varint();
  let body = end;
  const values = [];
  while (at < end) {
    const serial = varint();
    const size = serial < 12 ? SIZES[serial] : (serial - (serial % 2 ? 13 : 12)) / 2;
    values.push(decodeValue(bytes.subarray(body, body + size), view, serial, body, integers));
    body += size;
  }
  return values;
}

/** @param {Uint8Array} raw @param {DataView} view @param {number} serial @param {number} at @param {import('./rows.js').Integers} integers */
function decodeValue(raw, view, serial, at, integers) {
  if (serial === 0) return null;
  if (serial === 7) return view.getFloat64(at);
  if (serial >= 12) return serial % 2 ? decoder.decode(raw) : raw.slice();
  let value = 0n;
  if (serial >= 8) value = BigInt(serial - 8);
  else {
    for (const byte of raw) value = (value << 8n) | BigInt(byte);
    value = BigInt.asIntN(raw.length * 8, value);
  }
  const isExact = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  return integers === 'bigint' || (integers === 'auto' && !isExact) ? value : Number(value);
}
