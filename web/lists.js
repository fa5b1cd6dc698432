/**
 * Arrays as parameters: where `IN (?)` or `unnest(?)` stands, an array is the list of its elements. It is bound as JSON, so one Program
 * does for lists of every length: `IN (?)` is read as `IN (SELECT value FROM unnest(?))`. Bytes are in it as hexadecimal digits, and the
 * text says so: `unhex(value)`.
 */

import { counted, regroup } from './parameters.js';
import { bytesOf, cannotBind, describe, isBytes } from './values.js';

const TOKEN =
  /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\?[0-9]*|[$@:#][\w$:\x80-\uffff]+(?:\([^)\s]*\))?|[\w\x80-\uffff][\w$\x80-\uffff]*|\S/g;
const COMMENT = /^(?:--|\/\*)/;

/** @typedef {{text: string, at: number}} Token */

/**
 * What `args` with arrays among them mean to a statement: its text, which is another where lists stand, and the values for it. Elsewhere
 * arrays stand for their elements.
 * @param {any[]} args @param {string} sql @param {import('./program.js').Program} program
 * @returns {{text: string, values: unknown[]}}
 */
export function unfold(args, sql, program) {
  const given = args.length === 1 && Array.isArray(args[0]) ? args[0] : regroup(args, program);
  const text = withLists(sql, given, program.param_names);
  const values = text
    ? given.map((value, i) => (Array.isArray(value) ? listText(value, i + 1) : value))
    : counted(args.length > 1 ? given.flat() : given, program.n_user_params);
  return { text: text ?? sql, values };
}

/**
 * The text in which the arrays among `values` are lists.
 * @param {string} sql
 * @param {unknown[]} values by number of parameter
 * @param {(string | null)[]} names of the parameters, with their prefix
 * @returns {string | null} null: an array stands where no list does
 */
function withLists(sql, values, names) {
  const tokens = tokensOf(sql);
  let text = '';
  let done = 0;
  let last = 0;
  for (let i = 0; i < tokens.length; i++) {
    const { text: token, at } = tokens[i];
    const number = numberOf(token, last, names);
    if (!number) continue;
    last = Math.max(last, number);
    const list = values[number - 1];
    if (!Array.isArray(list)) continue;
    const word = tokens[i - 1]?.text === '(' && tokens[i + 1]?.text === ')' ? tokens[i - 2]?.text.toLowerCase() : '';
    const value = list.some(isBlob) ? 'unhex(value)' : 'value';
    if (word === 'in') {
      text += `${sql.slice(done, at)}SELECT ${value} FROM unnest(${token})`;
      done = at + token.length;
    } else if (word !== 'unnest') {
      return null;
    } else if (value !== 'value') {
      text += `${sql.slice(done, tokens[i - 2].at)}(SELECT ${value} AS value FROM unnest(${token}))`;
      done = tokens[i + 1].at + 1;
    }
  }
  return text + sql.slice(done);
}

/** @param {string} sql @returns {Token[]} */
export function tokensOf(sql) {
  return Array.from(sql.matchAll(TOKEN), (match) => ({ text: match[0], at: match.index })).filter(
    ({ text }) => !COMMENT.test(text),
  );
}

/** The number of the parameter that a token is, 0: it is none. @param {string} token @param {number} last the largest so far @param {(string | null)[]} names */
export function numberOf(token, last, names) {
  if (token === '?') return last + 1;
  if (token.startsWith('?')) return Number(token.slice(1));
  return '$@:#'.includes(token[0]) ? names.indexOf(token) + 1 : 0;
}

/** An array as it is bound. @param {unknown[]} list @param {number} number of the parameter @returns {string} @throws {TypeError} for what no list holds */
function listText(list, number) {
  const text = list.some(isBlob) ? blobText : elementText;
  return `[${list.map((value, i) => text(value, `parameter ${number}, element ${i + 1},`))}]`;
}

/** @param {unknown} value */
function isBlob(value) {
  return typeof value === 'object' && value !== null && isBytes(value);
}

/** In a list with bytes. @param {unknown} value @param {string} which */
function blobText(value, which) {
  if (value === null || value === undefined) return 'null';
  if (!isBlob(value)) {
    throw new TypeError(
      `${which} cannot be bound: a list with bytes holds bytes and null alone, not ${describe(value)}`,
    );
  }
  return `"${Array.from(bytesOf(/** @type {any} */ (value)), (byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
}

/** @param {unknown} value @param {string} which */
function elementText(value, which) {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.toWellFormed());
    case 'number':
      return numberText(value);
    case 'bigint':
      if (BigInt.asIntN(64, value) !== value) throw new RangeError(`${which} does not fit 64 bits`);
      return String(value);
    case 'boolean':
      return value ? '1' : '0';
    case 'undefined':
      return 'null';
    default:
      if (value === null) return 'null';
      throw cannotBind(which, value);
  }
}

/** As parameters.js binds it: a safe integer is an INTEGER, what is none a REAL. @param {number} value */
function numberText(value) {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0.0' : String(value);
  if (Number.isNaN(value)) return 'null';
  if (!Number.isFinite(value)) return value < 0 ? '-9e999' : '9e999';
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}
