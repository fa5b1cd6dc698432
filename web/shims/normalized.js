/** SQL texts without what makes one of another in nothing but values, space and case: https://sqlite.org/c3ref/expanded_sql.html. */

import { KEYWORDS } from '../../base/sql.js';

const TOKEN =
  /(?<gap>[ \t\n\f\r\ufeff]+|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))|(?<value>[xX]?'(?:[^']|'')*'|(?:\d|\.\d)[\w.]*(?:(?<=[eE])[+-]\d+)?|[?$@:#][\w$:]*)|(?<name>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\])|(?<word>[A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)|\S/g;
const IN_WORDS = /[\w$\x80-\uffff]$/;

/** @param {string} sql one statement */
export function normalized(sql) {
  let text = '';
  let last = '';
  for (const { 0: token, groups } of sql.matchAll(TOKEN)) {
    const { gap, value, name, word } = groups ?? {};
    if (gap !== undefined) continue;
    const shown =
      value !== undefined ? '?' : name !== undefined ? plain(name) : word === undefined ? token : cased(word, last);
    if (IN_WORDS.test(text) && /^[\w$\x80-\uffff]/.test(shown)) text += ' ';
    text += shown;
    last = shown;
  }
  return text.endsWith(';') ? text : `${text};`;
}

/** @param {string} word @param {string} last the token before */
function cased(word, last) {
  const upper = word.toUpperCase();
  if (upper === 'NULL' && last !== 'IS' && last !== 'NOT') return '?';
  return KEYWORDS.has(upper) ? upper : word.toLowerCase();
}

/** A quoted name, without quotes where it needs none. @param {string} name */
function plain(name) {
  const inner = name.slice(1, -1);
  return /^[A-Za-z_]\w*$/.test(inner) && !KEYWORDS.has(inner.toUpperCase())
    ? inner.toLowerCase()
    : `"${inner.toLowerCase()}"`;
}
