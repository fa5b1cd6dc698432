/** Code that a page has sent (page/source.js): from its text, or from a module, to what SQL calls. */

import { misuse } from '../base/errors.js';

/** @typedef {import('./page/source.js').Code} Code */

/** @param {Code} code @param {string} name the SQL function's, which stack traces show @returns {Promise<any>} */
export async function codeFrom(code, name) {
  if ('source' in code) return evaluated(code.source, name);
  if ('python' in code) throw misuse('only functions are given in Python');
  const found = await import(code.module);
  if (!(code.export in found)) throw misuse(`the module ${code.module} has no export "${code.export}"`);
  return found[code.export];
}

/** A function, or a method of an object literal. @param {string} source @param {string} name */
function evaluated(source, name) {
  const made = valueIn(`(${source}\n)`, name) ?? valueIn(`Object.values({${source}\n})[0]`, name);
  if (typeof made !== 'function') throw noFunction(name);
  return made;
}

/** The value of an expression; undefined when it is none. @param {string} expression @param {string} name */
function valueIn(expression, name) {
  let make;
  try {
    make = new Function(
      `'use strict'; return ${expression};\n//# sourceURL=sql-function-${encodeURIComponent(name)}.js`,
    );
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error; // a page's content security policy
  }
  try {
    return make();
  } catch (cause) {
    throw noFunction(name, { cause });
  }
}

/** @param {string} name @param {ErrorOptions} [options] */
function noFunction(name, options) {
  return new TypeError(`the source text of ${name}() is not that of a function`, options);
}
