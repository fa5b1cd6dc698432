/** What the editor proposes besides keywords: tables and columns with their types, functions with their arguments, pragmas. */

import { quoted } from '../core/sql.js';
import { SIGNATURES } from './signatures.js';

/** For lang-sql, which knows aliases. @param {import('../core/schema.js').Schema} schema */
export function tablesForCompletion({ tables }) {
  return Object.fromEntries(
    tables
      .filter(({ type }) => type !== 'shadow')
      .map((table) => [
        table.name.replaceAll('.', '\\.'),
        {
          self: { label: table.name, apply: quoted(table.name), type: 'class', detail: table.type },
          children: table.columns.map((column) => ({
            label: column.name,
            apply: quoted(column.name),
            type: 'property',
            detail: `${column.type || 'any'}${column.key ? ' · key' : ''}`,
          })),
        },
      ]),
  );
}

/**
 * @param {() => import('../core/schema.js').Schema} current
 * @returns {(context: import('@codemirror/autocomplete').CompletionContext) => any}
 */
export function completions(current) {
  return (context) => {
    const word = context.matchBefore(/[\w$]*$/);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    const before = context.state.sliceDoc(Math.max(0, word.from - 4000), word.from);
    if (/\.\s*$/.test(before)) return null;
    const schema = current();
    if (/\bpragma\s+(\w+\.)?$/i.test(before)) {
      return {
        from: word.from,
        options: schema.pragmas.map((label) => ({ label, type: 'keyword', detail: 'pragma' })),
        validFor: /^\w*$/,
      };
    }
    return {
      from: word.from,
      options: [...columnsOf(schema, statementAround(context)), ...functionsOf(schema)],
      validFor: /^[\w$]*$/,
    };
  };
}

/** @param {import('@codemirror/autocomplete').CompletionContext} context */
function statementAround({ state, pos }) {
  const text = state.sliceDoc(Math.max(0, pos - 4000), Math.min(state.doc.length, pos + 4000));
  const at = Math.min(pos, 4000);
  const from = text.lastIndexOf(';', at - 1) + 1;
  const end = text.indexOf(';', at);
  return text.slice(from, end < 0 ? undefined : end);
}

/** Columns of the tables that the statement names. @param {import('../core/schema.js').Schema} schema @param {string} statement */
function columnsOf({ tables }, statement) {
  const words = new Set(statement.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_]*/gu));
  return tables
    .filter(({ name }) => words.has(name.toLowerCase()) || statement.includes(`"${name}"`))
    .flatMap((table) =>
      table.columns.map((column) => ({
        label: column.name,
        apply: quoted(column.name),
        type: 'property',
        detail: `${column.type || 'any'} · ${table.name}`,
        boost: 2,
      })),
    );
}

/** @param {import('../core/schema.js').Schema} schema */
function functionsOf({ functions }) {
  return functions
    .filter((name) => /^[a-z]/.test(name))
    .map((name) => {
      const signature = SIGNATURES[name];
      return {
        label: name,
        type: 'function',
        detail: signature ? `(${signature[0]})` : '(…)',
        info: signature?.[1],
        apply: `${name}(`,
        boost: signature ? 0 : -1,
      };
    });
}
