/** What the table browser asks for, as SQL. */

import { literal, quoted } from '../core/sql.js';

/** What a column can be compared with, and whether that takes a value. */
export const OPERATORS = {
  contains: true,
  begins: true,
  '=': true,
  '<>': true,
  '<': true,
  '<=': true,
  '>': true,
  '>=': true,
  null: false,
  'not null': false,
};

/**
 * @typedef {{column: string, operator: keyof typeof OPERATORS, value: string}} Filter
 * @typedef {{table: string, filters: Filter[], order: string, down: boolean}} Browse order: a column, or empty
 */

/** @param {Browse} browse @param {import('../core/schema.js').Column[]} columns of the table */
export function sqlOf({ table, filters, order, down }, columns) {
  const conditions = filters
    .filter((filter) => filter.value !== '' || !OPERATORS[filter.operator])
    .map((filter) => conditionOf(filter, columns));
  const where = conditions.length ? `\nWHERE ${conditions.join('\n  AND ')}` : '';
  return `SELECT * FROM ${quoted(table)}${where}${order ? `\nORDER BY ${quoted(order)}${down ? ' DESC' : ''}` : ''};`;
}

/** @param {Filter} filter @param {import('../core/schema.js').Column[]} columns */
function conditionOf({ column, operator, value }, columns) {
  const name = quoted(column);
  if (operator === 'null') return `${name} IS NULL`;
  if (operator === 'not null') return `${name} IS NOT NULL`;
  if (operator === 'contains' || operator === 'begins') {
    const escaped = value.replaceAll(/[\\%_]/g, (one) => `\\${one}`);
    const pattern = `${operator === 'contains' ? '%' : ''}${escaped}%`;
    return `${name} LIKE ${literal(pattern)}${escaped === value ? '' : " ESCAPE '\\'"}`;
  }
  const type = columns.find((one) => one.name === column)?.type ?? '';
  const isNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(value) && !/CHAR|CLOB|TEXT/i.test(type);
  return `${name} ${operator} ${isNumber ? value : literal(value)}`;
}
