/** A function in Python, given as source text: what SQL calls (turso_wasm/page_functions.py). */

import { misuse } from '../base/errors.js';
import { bytesOf, isBytes, Real } from './values.js';

/**
 * @typedef {{deterministic?: boolean, directOnly?: boolean, compiled?: boolean}} PythonOptions
 * @typedef {import('./usercode.js').Own} Own
 * @typedef {import('./usercode.js').Callable} Callable
 */

/**
 * The entries of a function, one for each number of arguments, and the callable.
 * @param {import('./compiler.js').Compiler} compiler
 * @param {string} name @param {PythonOptions} options @param {string} source
 * @returns {[Own[], Callable]}
 * @throws {import('../base/errors.js').SqlError} what is wrong with the text
 */
export function describePython(compiler, name, options, source) {
  const { deterministic = false, directOnly = false, compiled, ...others } = options;
  for (const key in others) throw misuse(`the option "${key}" is not one of a function in Python`);
  const { arities, typed, call } = compiler.define(name, source, compiled);
  /** @type {Own[]} */
  const entries = arities.map((n) =>
    typed ? ['typed', name, n, directOnly, source] : ['function', name, n, deterministic, directOnly],
  );
  const mark = (/** @type {number} */ value) => new Real(value);
  return [
    entries,
    { integers: 'bigint', call: (...values) => given(call(values.map(kindOf).join(''), mark, ...values)) },
  ];
}

/** In Python an integer and a whole REAL are two things. @param {unknown} value */
function kindOf(value) {
  if (typeof value === 'bigint') return 'i';
  if (typeof value === 'number') return 'r';
  if (typeof value === 'string') return 't';
  return isBytes(value) ? 'b' : 'n';
}

/** A result; bytes come as a proxy. @param {any} result */
function given(result) {
  if (typeof result?.getBuffer !== 'function') return result;
  const buffer = result.getBuffer('u8');
  try {
    return bytesOf(buffer.data).slice();
  } finally {
    buffer.release();
    result.destroy();
  }
}
