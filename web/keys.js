/** Keys of encrypted databases, and the PRAGMAs that take one: what turso_wasm/runtime/keys.py does. */

import { SQLITE_ERROR, SqlError } from '../base/errors.js';
import { isBytes } from './values.js';

/** FORMAT_* of the kernel's (kernel/pager/encryption.py). */
export const FORMATS = { ours: 0, turso: 1 };
const CIPHER = 'aegis256';
const KEY_SIZE = 32;

/** A PRAGMA as the lexer's key has it; the value is a literal, or a word as it was written. */
const PRAGMA =
  /^PRAGMA (?:(\S+|"[^"]*") \. )?["'`[]?(key|hexkey|rekey|hexrekey|cipher)["'`\]]?(?: (?:= (.+)|\( (.+) \)))?$/i;

/**
 * @typedef {object} KeyPragma
 * @property {string} name
 * @property {string} schema as it was written
 * @property {string | null} value a key as the kernel takes it; null: it was only asked
 */

/** @param {unknown} key */
export function isKey(key) {
  return (
    (typeof key === 'string' && !key.includes('\0')) ||
    (isBytes(key) && /** @type {ArrayBuffer} */ (key).byteLength === KEY_SIZE)
  );
}

/** A key as the kernel takes it: 32 bytes are the key itself, a text a passphrase or x'…'. @param {any} key */
export function keyText(key) {
  if (key === undefined || key === null || typeof key === 'string') return key ?? '';
  const bytes = ArrayBuffer.isView(key)
    ? new Uint8Array(key.buffer, key.byteOffset, key.byteLength)
    : new Uint8Array(key);
  return `x'${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}'`;
}

/**
 * What a statement says of a key; null when it is about something else.
 * @param {import('./lexer.js').Lexed} lexed
 * @returns {KeyPragma | null}
 * @throws {SqlError} for a cipher that there is not
 */
export function keyPragma(lexed) {
  if (lexed.first !== 'PRAGMA') return null;
  const found = PRAGMA.exec(lexed.key);
  if (!found) return null;
  const [, schema = 'main', written] = found;
  const name = written.toLowerCase();
  const word = found[3] ?? found[4];
  let value = word === undefined ? null : spelled(word, lexed.literals);
  if (name === 'cipher' && value !== null && value.toLowerCase() !== CIPHER) {
    throw new SqlError(`no such cipher: ${value}`, SQLITE_ERROR);
  }
  if (name.startsWith('hex') && value) value = `x'${value}'`;
  return { name, schema, value };
}

/** @param {string} word @param {import('./lexer.js').Literal[]} literals */
function spelled(word, literals) {
  if (literals.length) return String(literals[0]);
  return /^["`[]/.test(word) ? word.slice(1, -1) : word;
}

/** The statement that a change of the key is. @param {KeyPragma} pragma */
export function rekeying({ schema, value }) {
  return `VACUUM ${schema} KEY '${/** @type {string} */ (value).replaceAll("'", "''")}'`;
}

/** The text of an ATTACH or VACUUM that has a KEY clause, without the key. @param {string} text */
export function withoutKey(text) {
  const clause = /\bKEY\b/i.exec(text);
  return clause ? `${text.slice(0, clause.index + 3)} …` : text;
}
