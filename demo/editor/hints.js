/** What may have been meant where a statement failed. */

import { schema } from '../core/schema.js';
import { t } from '../core/texts.js';
import { SIGNATURES } from './signatures.js';

/**
 * A hint for an error, null if there is none.
 * @param {string} message @param {string} sql the statement @returns {string | null}
 */
export function hintFor(message, sql) {
  const { tables, functions } = schema.peek();
  const hidden = tables.map(({ name }) => name);
  let match = message.match(/^no such table: (?:\w+\.)?(.+)$/);
  if (match)
    return (
      near(match[1], hidden) ??
      (tables.length ? t('hint.tables', { tables: hidden.slice(0, 12).join(', ') }) : t('hint.no-tables'))
    );
  match = message.match(/^no such column: (?:"?)([^"]+?)(?:"?)(?: - should this be a string literal.*)?$/);
  if (match) {
    const name = match[1].split('.').pop() ?? '';
    if (message.includes('string literal') || sql.includes(`"${name}"`)) return t('hint.quotes', { name });
    const mentioned = tables.filter((table) => sql.toLowerCase().includes(table.name.toLowerCase()));
    const here = mentioned.flatMap(({ columns }) => columns.map((column) => column.name));
    const elsewhere = tables.find(({ columns }) =>
      columns.some((column) => column.name.toLowerCase() === name.toLowerCase()),
    );
    return near(name, here) ?? (elsewhere ? t('hint.elsewhere', { name, table: elsewhere.name }) : null);
  }
  match = message.match(/^no such function: (.+)$/);
  if (match) return near(match[1], [...functions, ...Object.keys(SIGNATURES)]);
  match = message.match(/^near "(.*)": syntax error/s);
  if (match) return syntaxHint(match[1], sql);
  if (/^incomplete input/.test(message)) return t('hint.incomplete');
  if (/^unrecognized token: ['"]/.test(message)) return t('hint.unclosed');
  match = message.match(/^ambiguous column name: (.+)$/);
  if (match) return t('hint.ambiguous', { name: match[1] });
  if (/^misuse of aggregate/.test(message)) return t('hint.having');
  match = message.match(/constraint failed: (.+)$/);
  if (match) return constraintHint(message, match[1]);
  if (/database (table )?is locked/.test(message)) return t('hint.locked');
  if (/readonly database/.test(message)) return t('hint.readonly');
  if (/cannot start a transaction within/.test(message)) return t('hint.transaction');
  if (/table .* already exists/.test(message)) return t('hint.exists');
  match = message.match(/table (\S+) has (\d+) columns? but (\d+) values? were supplied/);
  if (match) return t('hint.values', { table: match[1] });
  return null;
}

/** @param {string} token @param {string} sql */
function syntaxHint(token, sql) {
  if (/^(select|from|where|group|order|insert|update|delete|create)$/i.test(token)) {
    if (new RegExp(`,\\s*${token}\\b`, 'i').test(sql)) return t('hint.comma', { token });
    return t('hint.semicolon', { token });
  }
  if (/\b(form|fomr|fron)\b/i.test(sql)) return t('hint.near', { name: 'FROM' });
  if (/^(top)$/i.test(token) || /\bselect\s+top\b/i.test(sql)) return t('hint.top');
  if (token === '&' || token === '=') return t('hint.operator', { token });
  if (/^(show|describe|desc|use)$/i.test(token)) return t('hint.show');
  if (token === '.' && /^\s*\./.test(sql)) return t('hint.dot');
  const words =
    'SELECT FROM WHERE GROUP ORDER BY INSERT INTO VALUES UPDATE DELETE CREATE TABLE JOIN LIMIT HAVING DISTINCT UNION'.split(
      ' ',
    );
  return near(token, words) ?? t('hint.reserved', { token });
}

/** @param {string} message @param {string} what */
function constraintHint(message, what) {
  if (message.startsWith('UNIQUE')) return t('hint.unique', { what });
  if (message.startsWith('NOT NULL')) return t('hint.not-null', { what });
  if (message.startsWith('CHECK')) return t('hint.check', { what });
  return null;
}

/** The name that looks most like it. @param {string} word @param {string[]} names */
function near(word, names) {
  const lower = word.toLowerCase();
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best = null;
  let least = limit + 1;
  for (const name of names) {
    const distance = edits(lower, name.toLowerCase(), least);
    if (distance < least) [best, least] = [name, distance];
  }
  return best && best.toLowerCase() !== lower ? t('hint.near', { name: best }) : null;
}

/** Edits from one word to the other, swaps of neighbours among them; `limit` when it is so many or more. @param {string} a @param {string} b @param {number} limit */
function edits(a, b, limit) {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  /** @type {number[][]} */
  const d = Array.from({ length: a.length + 1 }, (_, i) => [i, ...Array(b.length).fill(0)]);
  for (let j = 0; j <= b.length; j++) d[0][j] = j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      d[i][j] = Math.min(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + Number(a[i - 1] !== b[j - 1]));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return Math.min(d[a.length][b.length], limit);
}
