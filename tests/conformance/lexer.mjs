/** SQL texts in (JSON on stdin), what web/lexer.js makes of them out: all statements of each, as [key, literals, end]. */

import { readFileSync } from 'node:fs';
import { hasMore, lex } from '../../web/lexer.js';

function spelled(literal) {
  if (Array.isArray(literal)) return literal.map((row) => row.map(spelled));
  if (literal instanceof Uint8Array) return `b${Buffer.from(literal).toString('hex')}`;
  if (typeof literal === 'bigint') return `i${literal}`;
  if (typeof literal === 'number') {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, literal);
    return `r${view.getBigUint64(0).toString(16).padStart(16, '0')}`;
  }
  return literal === null ? 'n' : `t${literal}`;
}

function statements(sql) {
  const found = [];
  for (let at = 0; ; ) {
    const { key, literals, end } = lex(sql, at);
    if (!key) return found;
    found.push([key, literals.map(spelled), end, hasMore(sql, end)]);
    at = end;
  }
}

console.log(JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(statements)));
