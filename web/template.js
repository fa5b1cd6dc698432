/**
 * SQL in template literals: what stands in `${…}` becomes a parameter, never a part of the text. Parts of the text are made here.
 *
 *     const adult = fragment`age >= ${18}`;
 *     db.sql`SELECT * FROM ${identifier('users')} WHERE ${adult} AND id IN (${[1, 2]})`.all();
 */

import { describe } from './values.js';

/** A part of a statement, with its parameters. */
export class Fragment {
  /** @param {string} text @param {unknown[]} values */
  constructor(text, values) {
    this.text = text;
    this.values = values;
    Object.freeze(this);
  }
}

/** A part of a statement, to stand in a template. @param {TemplateStringsArray} strings @param {...unknown} values */
export function fragment(strings, ...values) {
  if (!Array.isArray(strings?.raw)) throw new TypeError('fragment is a tag of template literals: write fragment`…`');
  return filled(strings, values);
}

/** A name: of a table, a column; with several parts, main.users. @param {...string} parts */
export function identifier(...parts) {
  if (!parts.length) throw new TypeError('identifier() takes a name');
  for (const part of parts) {
    if (typeof part !== 'string' || part === '' || part.includes('\0')) {
      throw new TypeError(`identifier() takes names, not ${part === '' ? '""' : describe(part)}`);
    }
  }
  return new Fragment(parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.'), []);
}

/** Values with commas between them, as for VALUES (…). @param {unknown[]} given */
export function values(given) {
  if (!Array.isArray(given)) throw new TypeError(`values() takes an array, not ${describe(given)}`);
  return join(given.map((value) => fragment`${value}`));
}

/** @param {Fragment[]} fragments @param {string} [separator] SQL between them */
export function join(fragments, separator = ', ') {
  if (!Array.isArray(fragments) || !fragments.every((part) => part instanceof Fragment)) {
    throw new TypeError(`join() takes an array of fragments, not ${describe(fragments)}`);
  }
  if (typeof separator !== 'string')
    throw new TypeError(`join() takes a string between fragments, not ${describe(separator)}`);
  return new Fragment(
    fragments.map(({ text }) => text).join(separator),
    fragments.flatMap(({ values }) => values),
  );
}

/** A template's text and parameters. @param {readonly string[]} strings @param {unknown[]} values @returns {Fragment} */
export function filled(strings, values) {
  let text = strings[0];
  /** @type {unknown[]} */
  const bound = [];
  values.forEach((value, i) => {
    if (value instanceof Fragment) {
      text += value.text;
      bound.push(...value.values);
    } else {
      text += '?';
      bound.push(value);
    }
    text += strings[i + 1];
  });
  return new Fragment(text, bound);
}
