/**
 * Links that carry queries, and a small database, in the fragment, which is sent to no server.
 *
 *   #share=…                     base64url of deflated bytes: the length of a JSON text (4 bytes, little-endian), the text, a database
 *   #sql=…&sample=music          for documentation: a query, percent-encoded, on a sample
 *   #sql=…&db=https://…/x.db     the same on a file of a web server's, which is read where it is
 *
 * @typedef {{name: string, queries: {title: string, sql: string, kind?: 'python'}[]}} Shared what the JSON says
 */

/** A database that is larger, compressed with its queries, makes no link. Some programs cut links of a few thousand characters already. */
export const MOST_CHARACTERS = 200_000;
export const LONG_CHARACTERS = 8_000;
/** What a link may unfold to. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * @param {Shared} shared @param {Uint8Array | null} database its file, null for none
 * @returns {Promise<string>} the fragment, with #
 */
export async function fragmentOf(shared, database) {
  const text = new TextEncoder().encode(JSON.stringify(shared));
  const length = new Uint8Array(new Uint32Array([text.length]).buffer);
  const packed = new Blob([length, text, database ?? new Uint8Array()])
    .stream()
    .pipeThrough(new CompressionStream('deflate-raw'));
  return `#share=${base64url(await bytesOf(packed, Infinity))}`;
}

/**
 * What a fragment carries; null when it carries nothing of ours.
 * @param {string} fragment
 * @returns {Promise<{shared: Shared, database: Uint8Array | null} | {sql: string, sample: string | null, db: string | null} | null>}
 * @throws {Error} when the link was cut or changed on its way
 */
export async function readFragment(fragment) {
  const given = fragment.replace(/^#/, '');
  if (given.startsWith('share=')) return unpacked(given.slice(6));
  const parameters = new URLSearchParams(given.replaceAll('+', '%2B'));
  const [sql, sample, db] = ['sql', 'sample', 'db'].map((name) => parameters.get(name));
  return sql === null && sample === null && db === null ? null : { sql: sql ?? '', sample, db };
}

/** @param {string} text */
async function unpacked(text) {
  try {
    const packed = new Blob([bytesFrom(text)]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
    const bytes = await bytesOf(packed, MOST_BYTES);
    const length = new DataView(bytes.buffer).getUint32(0, true);
    const said = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(4, 4 + length)));
    const database = bytes.subarray(4 + length);
    return { shared: checked(said), database: database.length ? database : null };
  } catch (error) {
    throw new Error('The link is damaged: it was cut, or changed, on its way.', { cause: error });
  }
}

/** @param {any} said @returns {Shared} */
function checked(said) {
  if (typeof said?.name !== 'string' || !Array.isArray(said.queries)) throw new TypeError('not what we have made');
  return {
    name: said.name,
    queries: said.queries.map((/** @type {any} */ one) => ({
      title: String(one?.title ?? ''),
      sql: String(one?.sql ?? ''),
      kind: one?.kind === 'python' ? 'python' : undefined,
    })),
  };
}

/** @param {ReadableStream<Uint8Array>} stream @param {number} most @returns {Promise<Uint8Array<ArrayBuffer>>} */
async function bytesOf(stream, most) {
  /** @type {Uint8Array[]} */
  const parts = [];
  let length = 0;
  for await (const part of /** @type {any} */ (stream)) {
    parts.push(part);
    if ((length += part.length) > most) throw new RangeError('it unfolds to too much');
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 0x8000) binary += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** @param {string} text */
function bytesFrom(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}
