/** What pages pass is checked before anything is done with it: wrong kinds are TypeErrors that say what is taken. */

import { isKey } from '../keys.js';
import { cannotBind, describe, isBytes, isPlain } from '../values.js';

/** @typedef {{takes: string, is: (value: any) => boolean}} Kind */

/** @type {Kind} */
export const BOOLEAN = { takes: 'a boolean', is: (value) => typeof value === 'boolean' };
/** @type {Kind} */
export const NAME = { takes: 'a name', is: (value) => typeof value === 'string' && value !== '' };
/** @type {Kind} */
export const TEXT = { takes: 'a string', is: (value) => typeof value === 'string' };
/** @type {Kind} */
export const NAMES = { takes: 'an array of names', is: (value) => Array.isArray(value) && value.every(NAME.is) };
/** @type {Kind} */
export const KEY = { takes: 'a name, or an array of names', is: (value) => NAME.is(value) || NAMES.is(value) };
/** @type {Kind} */
export const FUNCTION = { takes: 'a function', is: (value) => typeof value === 'function' };
/** @type {Kind} */
export const SIGNAL = {
  takes: 'an AbortSignal',
  is: (value) =>
    value === null || (typeof value?.aborted === 'boolean' && typeof value.addEventListener === 'function'),
};
/** @type {Kind} */
export const COUNT = { takes: 'a number, 0 or more', is: (value) => typeof value === 'number' && value >= 0 };
/** @type {Kind} */
export const WHOLE = { takes: 'a whole number, 0 or more', is: (value) => Number.isSafeInteger(value) && value >= 0 };
/** @type {Kind} */
export const MILLISECONDS = {
  takes: 'a number of milliseconds, 0 to 2147483647',
  is: (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31,
};
/** @type {Kind} */
export const FOLDER = { takes: 'a URL', is: (value) => typeof value === 'string' || value instanceof URL };
/** @type {Kind} */
export const BYTES = { takes: 'bytes', is: isBytes };
/** @type {Kind} */
export const FILE = { takes: 'a URL or bytes', is: (value) => FOLDER.is(value) || isBytes(value) };
/** @type {Kind} */
export const WORKER = {
  takes: 'a Worker or a function that makes one',
  is: (value) => typeof value === 'function' || isWorker(value),
};

/** @type {Kind} */
export const GIVEN = {
  takes: 'a Blob or a FileSystemFileHandle',
  is: (value) => value instanceof Blob || value?.kind === 'file',
};
/** @type {Kind} */
export const OVERLAY = { takes: 'true, false or a name', is: (value) => typeof value === 'boolean' || NAME.is(value) };

/** @type {Kind} */
export const SECRET = { takes: 'a passphrase or 32 bytes', is: isKey };

/** @param {...string} words @returns {Kind} */
export function oneOf(...words) {
  return { takes: words.map((word) => `"${word}"`).join(' or '), is: (value) => words.includes(value) };
}

export const STORAGE = oneOf('opfs', 'indexeddb', 'memory');

/** @param {any} value */
export function isWorker(value) {
  return typeof value?.postMessage === 'function' && typeof value.addEventListener === 'function';
}

/**
 * An object of options; {} when it is not given.
 * @param {string} method "connect()"
 * @param {any} options
 * @param {Record<string, Kind>} kinds
 * @returns {any}
 */
export function checkOptions(method, options, kinds) {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null || !isPlain(options)) {
    throw new TypeError(`${method} takes an object of options, not ${describe(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (!kind) throw new TypeError(`${method} has no option "${name}": ${instead(name, Object.keys(kinds))}`);
    if (value === undefined || kind.is(value)) continue;
    throw new TypeError(`${method}: the option "${name}" takes ${kind.takes}, not ${describe(value)}`);
  }
  return options;
}

/** What options of other libraries are called here. @type {Record<string, string>} */
const ELSEWHERE = {
  fileMustExist: 'write create: false',
  readBigInts: 'write integers: "bigint"',
  verbose: 'there is nothing that tells of every statement',
  nativeBinding: 'there is nothing native',
};

/** @param {string} name @param {string[]} names */
function instead(name, names) {
  if (Object.hasOwn(ELSEWHERE, name) && names.includes('create')) return ELSEWHERE[name];
  const near = names.find((one) => one.toLowerCase() === name.toLowerCase().replaceAll(/[-_]/g, ''));
  return near ? `did you mean "${near}"?` : `it has ${names.join(', ')}`;
}

/** @param {string} what @param {any} value @param {Kind} kind */
export function check(what, value, kind) {
  if (!kind.is(value)) throw new TypeError(`${what} takes ${kind.takes}, not ${describe(value)}`);
}

/** @param {any} sql */
export function checkSql(sql) {
  if (typeof sql !== 'string') throw new TypeError(`SQL must be a string, not ${describe(sql)}`);
}

/** The arguments of `run`, `get`, `all` and `iterate`: values one by one or in arrays, and an object of names. @param {any[]} args */
export function checkParameters(args) {
  const [only] = args;
  if (args.length === 1 && Array.isArray(only)) return checkValues(only);
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (typeof value !== 'object' || value === null || isBytes(value) || Array.isArray(value)) checkValue(value, i);
    else if (!isPlain(value)) throw cannotBind(nameOf(i), value);
    else for (const name in value) checkValue(value[name], name);
  }
}

/** @param {any[]} values */
function checkValues(values) {
  for (let i = 0; i < values.length; i++) checkValue(values[i], i);
}

/** @param {any} value @param {number | string} where */
function checkValue(value, where) {
  switch (typeof value) {
    case 'number':
    case 'string':
    case 'bigint':
    case 'boolean':
    case 'undefined':
      return;
    case 'object':
      if (value === null || isBytes(value)) return;
      if (Array.isArray(value)) return checkList(value, where);
      throw cannotBind(nameOf(where), value);
    default:
      throw new TypeError(`a value cannot be sent to the database: ${nameOf(where)} is a ${typeof value}`);
  }
}

/** An array where a list may stand (lists.js), which the worker knows. @param {any[]} list @param {number | string} where */
function checkList(list, where) {
  for (const value of list) {
    if (Array.isArray(value)) throw cannotBind(nameOf(where), value);
    checkValue(value, where);
  }
}

/** @param {number | string} where */
function nameOf(where) {
  return typeof where === 'number' ? `parameter ${where + 1}` : `parameter "${where}"`;
}
