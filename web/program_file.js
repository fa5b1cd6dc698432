/**
 * Programs as a file: what an earlier visit has left (program_cache.js), and what an application brings (turso_wasm/runtime/bundle.py).
 *
 *   OFFSET   SIZE  MEANING
 *   0        32    SHA-256 of what follows
 *   32       4     n: size of the JSON header, little-endian
 *   36       n     {kernel?, environments: [key], entries: [[index of environment, key, size]]}
 *   36 + n   …     the Programs
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * @typedef {{environment: string, key: string, bytes: Uint8Array}} Entry
 * @typedef {{digest: string, kernel: string | undefined, entries: Entry[]}} ProgramFile kernel: the digest of the kernel.wasm they are for
 */

/** @param {Uint8Array<ArrayBuffer>} file @returns {Promise<ProgramFile>} @throws {Error} when it is none, or damaged */
export async function readPrograms(file) {
  const digest = await sha256(file.subarray(32));
  if (file.length < 36 || digest.some((byte, i) => byte !== file[i]))
    throw new Error('it is damaged, or something else');
  const size = new DataView(file.buffer, file.byteOffset).getUint32(32, true);
  const { kernel, environments, entries } = JSON.parse(decoder.decode(file.subarray(36, 36 + size)));
  let at = 36 + size;
  return {
    digest: hex(digest),
    kernel,
    entries: entries.map((/** @type {[number, string, number]} */ [environment, key, length]) => {
      at += length;
      return { environment: environments[environment], key, bytes: file.subarray(at - length, at) };
    }),
  };
}

/** @param {Iterable<Entry>} programs @returns {Promise<Blob>} */
export async function writePrograms(programs) {
  const all = [...programs];
  /** @type {Map<string, number>} */
  const environments = new Map();
  const entries = all.map(({ environment, key, bytes }) => {
    if (!environments.has(environment)) environments.set(environment, environments.size);
    return [environments.get(environment), key, bytes.length];
  });
  const header = encoder.encode(JSON.stringify({ environments: [...environments.keys()], entries }));
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, header.length, true);
  const parts = /** @type {BlobPart[]} */ ([size, header, ...all.map(({ bytes }) => bytes)]);
  const body = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Blob([await sha256(body), body]);
}

/** @param {Uint8Array<ArrayBuffer>} bytes */
async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}

/** @param {Uint8Array} bytes */
function hex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
