/** What the pointer finds out about a word: a column's type, a table's columns, a function's arguments. */

import { SIGNATURES } from './signatures.js';

/**
 * @param {string} text @param {number} at @param {import('../core/schema.js').Schema} schema
 * @returns {import('@codemirror/view').Tooltip | null}
 */
export function hoverOf(text, at, schema) {
  const before = text.slice(0, at).match(/[\p{L}\p{N}_]*$/u)?.[0].length ?? 0;
  const after = text.slice(at).match(/^[\p{L}\p{N}_]*/u)?.[0].length ?? 0;
  const from = at - before;
  const to = at + after;
  const word = text.slice(from, to);
  if (!word) return null;
  const qualifier = text.slice(0, from).match(/([\p{L}_][\p{L}\p{N}_]*)"?\s*\.\s*"?$/u)?.[1];
  const lines = tell(word, qualifier, statementAround(text, at), schema);
  if (!lines.length) return null;
  return {
    pos: from,
    end: to,
    create: () => {
      const dom = document.createElement('div');
      dom.className = 'hover-card';
      for (const [head, rest] of lines) {
        const line = document.createElement('div');
        const strong = document.createElement('strong');
        strong.textContent = head;
        line.append(strong, ' ' + rest);
        dom.append(line);
      }
      return { dom };
    },
  };
}

/** @param {string} text @param {number} at */
function statementAround(text, at) {
  const end = text.indexOf(';', at);
  return text.slice(text.lastIndexOf(';', at - 1) + 1, end < 0 ? undefined : end);
}

/**
 * @param {string} word @param {string | undefined} qualifier @param {string} statement @param {import('../core/schema.js').Schema} schema
 * @returns {[string, string][]}
 */
export function tell(word, qualifier, statement, { tables }) {
  const same = (/** @type {string} */ a, /** @type {string} */ b) => a.toLowerCase() === b.toLowerCase();
  const aliases = aliasesOf(statement);
  const owner = qualifier && (aliases.get(qualifier.toLowerCase()) ?? qualifier);
  const named = new Set([...aliases.values()].map((name) => name.toLowerCase()));
  const columns = tables
    .filter(({ name }) => (owner ? same(name, owner) : named.has(name.toLowerCase())))
    .flatMap((table) => table.columns.filter(({ name }) => same(name, word)).map((column) => ({ table, column })));
  if (columns.length) {
    return columns.map(({ table, column }) => [`${table.name}.${column.name}`, describe(column)]);
  }
  const table = tables.find(({ name }) => same(name, aliases.get(word.toLowerCase()) ?? word));
  if (table && !qualifier) return [[table.name, `${table.type}: ${table.columns.map(({ name }) => name).join(', ')}`]];
  const signature = SIGNATURES[word.toLowerCase()];
  return signature && !qualifier ? [[`${word.toLowerCase()}(${signature[0]})`, signature[1]]] : [];
}

/** @param {import('../core/schema.js').Column} column */
function describe(column) {
  const parts = [column.type || 'any type'];
  if (column.key) parts.push('PRIMARY KEY');
  if (column.notNull) parts.push('NOT NULL');
  if (column.default !== null) parts.push(`DEFAULT ${column.default}`);
  return parts.join(' ');
}

/** Which table each name of a statement means: aliases, and tables by themselves. @param {string} statement */
function aliasesOf(statement) {
  /** @type {Map<string, string>} */
  const found = new Map();
  const pattern =
    /\b(?:from|join|into|update|,)\s+"?([\p{L}_][\p{L}\p{N}_]*)"?(?:\s+(?:as\s+)?"?([\p{L}_][\p{L}\p{N}_]*)"?)?/giu;
  for (const [, table, alias] of statement.matchAll(pattern)) {
    found.set(table.toLowerCase(), table);
    if (
      alias &&
      !/^(on|using|where|join|left|inner|cross|natural|group|order|limit|set|values|select|indexed|not|full|right)$/i.test(
        alias,
      )
    ) {
      found.set(alias.toLowerCase(), table);
    }
  }
  return found;
}
